"""Every search space: no drawn instance breaks a bound, every quantity is at its safe end."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.test_exact_verifier_free import enumerate_game, two_level_game
from verigap.sim.attacks import REGIMES, SPACES, Instance, SearchSpace, verify
from verigap.sim.attacks.regimes import ranges_in
from verigap.sim.attacks.verification import attacked_bound
from verigap.theory import BOUNDS
from verigap.theory.arrays import host_array
from verigap.theory.bounds.controls import CONTROLS

pytestmark = pytest.mark.usefixtures("unchecked_annotations")

FRACTIONAL = [
    "best-of-n",
    "best-of-n-erring-check",
    "disjoint-rivals-pessimism",
    "disjoint-rivals-plug-in",
    "erring-check",
    "flat-estimate",
    "flat-estimate-best-of-n",
    "hard-prompts",
    "missing-demonstrations",
    "missing-expert",
    "noisy-labels",
    "permuted-rewards",
    "two-policies",
]


def drawn_values(space: SearchSpace, point: list[float]) -> dict[str, float]:
    """Values at a point of the unit cube, with budgets that fractions can follow."""
    values = {}
    for parameter, place in zip(space.parameters, point, strict=False):
        low, high = parameter.low, parameter.high
        if parameter.name in ("data_budget", "num_candidates", "log2_class_size"):
            high = min(high, 5.0 if parameter.name == "log2_class_size" else 48.0)
        value = low * (high / low) ** place if parameter.logarithmic else low + (high - low) * place
        value = float(f"{value:.6g}")
        values[parameter.name] = float(round(value)) if parameter.whole else value
    return values


points = st.lists(st.floats(0.0, 1.0), min_size=9, max_size=9)


@pytest.mark.parametrize("name", FRACTIONAL)
@settings(max_examples=15)
@given(points)
def test_no_drawn_instance_breaks_a_bound(name: str, point: list[float]) -> None:
    space = SPACES[name]
    values = drawn_values(space, point)
    for bound in space.bounds:
        found = verify(Instance(bound=bound, space=name, values=values))
        assert found.in_fractions is not None
        if bound in BOUNDS:
            assert not found.violated, found
        # Floats sum at the safe end; what a bound is compared with is never more than exact.
        if found.quantity > 0:
            nearer, safe = found.in_fractions, found.closeness
            if attacked_bound(bound).direction == "lower":
                nearer, safe = safe, nearer
            assert safe <= nearer * (1 + 1e-7)


@pytest.mark.parametrize("name", ["flat-estimate", "flat-estimate-best-of-n", "missing-expert"])
@given(points)
def test_what_needs_no_safe_end_is_exact(name: str, point: list[float]) -> None:
    space = SPACES[name]
    found = verify(Instance(bound=space.bounds[0], space=name, values=drawn_values(space, point)))
    assert found.in_fractions is not None
    assert found.closeness == pytest.approx(found.in_fractions, rel=1e-9)


def test_spaces_with_fractions_are_all_listed() -> None:
    def has(space: SearchSpace) -> bool:
        values = drawn_values(space, [0.3] * 9)
        exact = space.exact(
            attacked_bound(space.bounds[0]), {n: Fraction(v) for n, v in values.items()}
        )
        return exact is not None

    assert sorted(name for name, space in SPACES.items() if has(space)) == FRACTIONAL


def test_every_bound_and_control_is_attacked() -> None:
    searched = {bound for space in SPACES.values() for bound in space.bounds}
    assert searched == {*BOUNDS, *CONTROLS}


def test_every_regime_is_within_its_space() -> None:
    for space in SPACES.values():
        whole = ranges_in(space, REGIMES["anywhere"])
        assert whole == tuple((p.low, p.high) for p in space.parameters)
        for regime in REGIMES.values():
            for (low, high), parameter in zip(
                ranges_in(space, regime) or (), space.parameters, strict=False
            ):
                assert parameter.low <= low <= high <= parameter.high


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize("tilt", [Fraction(1, 4), Fraction(2, 3), Fraction(1)])
def test_learners_of_the_relabelling_game(shape: tuple[int, int], tilt: Fraction) -> None:
    size, traces = shape
    exact = enumerate_game(two_level_game(tilt), 2**size, traces)
    values = {
        "data_budget": traces, "log2_class_size": size, "success": 0.5,
        "expert_share": float(tilt), "ball_share": 0.0, "horizon": 12.0,
    }  # fmt: skip
    numbers = {name: host_array(value) for name, value in values.items()}
    space = SPACES["relabelling-two-level-counted"]
    with np.errstate(all="ignore"):
        risks = {
            name: float(space.measure(BOUNDS[name], numbers).quantity)
            for name in ("VF-LOWER", "VF-LOWER-PROPER", "VF-LOWER-PROBABILITY")
        }
    assert risks["VF-LOWER"] >= float(exact.bayes)
    assert risks["VF-LOWER-PROPER"] == pytest.approx(float(exact.cloning), abs=1e-7)
    assert risks["VF-LOWER-PROPER"] >= float(exact.cloning)
    assert risks["VF-LOWER-PROBABILITY"] == pytest.approx(float(exact.matching), abs=1e-8)


def test_a_wrong_instance_is_refused() -> None:
    values = drawn_values(SPACES["hard-prompts"], [0.5] * 5)
    with pytest.raises(ValueError, match="success must be"):
        verify(Instance(bound="VB-LOWER", space="hard-prompts", values={**values, "success": 0.9}))
    with pytest.raises(ValueError, match="data_budget must be whole"):
        verify(
            Instance(bound="VB-LOWER", space="hard-prompts", values={**values, "data_budget": 1.5})
        )
    with pytest.raises(ValueError, match="no search space of VB-LOWER; one of hard-prompts"):
        verify(Instance(bound="VB-LOWER", space="erring-check", values=values))
    with pytest.raises(ValueError, match="has the parameters"):
        verify(Instance(bound="VB-LOWER", space="hard-prompts", values={"success": 0.5}))
