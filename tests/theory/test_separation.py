"""SEPARATION in its three forms: their parts, growth, assumptions, and exact gaps."""

from dataclasses import replace
from functools import partial
from math import ceil, log, log2

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Array

from tests.theory.games import Number, half_horizon_game
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.families import two_level
from verigap.theory.lattices import label_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.version_space import plug_in_risk, two_level_pessimistic_gain
from verigap.theory.risks.vf_mle import probability_correct

CELLS = 1 << 11
FORMS = ("SEPARATION", "SEPARATION-PROPER", "SEPARATION-LINEAR")
PARTS = ("VF-LOWER", "VF-LOWER-PROPER", "VB-UPPER-EXPECTATION")


def number(value: float) -> Number:
    return jnp.asarray(float(value))


@jax.jit
def assumptions(setting: Setting) -> dict[str, Array]:
    return {name: BOUNDS[name].assumptions_hold(setting) for name in FORMS + PARTS}


@partial(jax.jit, static_argnames="free")
def two_level_case(
    horizon: Number, data_budget: Number, log2_class_size: Number, radius: Number, free: bool
) -> tuple[dict[str, Number], dict[str, Array]]:
    chosen = None if free else radius
    setting = half_horizon_game(horizon, data_budget, log2_class_size, chosen)
    return {name: BOUNDS[name].value(setting) for name in FORMS + PARTS}, assumptions(setting)


def case(
    horizon: float, data_budget: float, size: float, radius: float | None = None
) -> tuple[dict[str, float], dict[str, bool]]:
    parts = (number(part) for part in (horizon, data_budget, size, radius or 1.0))
    values, held = two_level_case(*parts, free=radius is None)
    return (
        {name: float(value) for name, value in values.items()},
        {name: bool(value) for name, value in held.items()},
    )


def label_share(size: int, data_budget: int) -> float:
    """1/(1 + (2^d - 1) 2^-n): fair labels, two levels."""
    return 1 / (1 + (2.0**size - 1) * 2.0**-data_budget)


horizons = st.integers(2, 1 << 20)
budgets = st.integers(1, 1 << 16)
sizes = st.integers(0, 200)
radii = st.one_of(st.none(), st.floats(1e-6, 1.0))


@pytest.mark.long
@settings(max_examples=20)
@given(horizons, budgets, sizes, radii)
def test_each_form_is_the_difference_of_its_parts(
    horizon: int, data_budget: int, size: int, radius: float | None
) -> None:
    values, held = case(horizon, data_budget, size, radius)
    share = label_share(size, data_budget)
    if radius is None:
        # The hardest expert of the difference is at least as good as that of a part.
        for form, part in (("SEPARATION", "VF-LOWER"), ("SEPARATION-PROPER", "VF-LOWER-PROPER")):
            most = values[part] - (1 - share) * 0.5 * horizon
            assert most - 1e-9 * horizon <= values[form] <= values[part] + 1e-9 * horizon
    else:
        lost = (1 - share) * radius**0.5 * 0.5 * horizon
        for form, part in (("SEPARATION", "VF-LOWER"), ("SEPARATION-PROPER", "VF-LOWER-PROPER")):
            assert values[form] == pytest.approx(values[part] - lost, abs=1e-9 * horizon)
    for form, part in (("SEPARATION", "VF-LOWER"), ("SEPARATION-PROPER", "VF-LOWER-PROPER")):
        assert held[form] == (held[part] and held["VB-UPPER-EXPECTATION"])


@settings(max_examples=20)
@given(horizons, budgets, sizes, radii)
def test_linear_form(horizon: int, data_budget: int, size: int, radius: float | None) -> None:
    values, held = case(horizon, data_budget, size, radius)
    share = label_share(size, data_budget)
    shape = 0.5 * horizon * (share - 0.25)
    # From d = 4 on some expert is weak enough; a chosen one has to be.
    log_unlocked = -0.5 * size * log(2)
    if radius is not None:
        log_unlocked += 0.5 * data_budget * np.log1p(radius)
    weak = log_unlocked <= -log(4) * (1 - 1e-9)
    assert held["SEPARATION-LINEAR"] == weak
    if weak:
        assert values["SEPARATION-LINEAR"] >= shape - 1e-6 * horizon
    if radius is not None:
        unlocked = 0.5 * horizon * min(np.exp(min(log_unlocked, 50.0)), 1.0)
        assert values["SEPARATION-LINEAR"] == pytest.approx(
            0.5 * horizon * share - unlocked, abs=1e-9 * horizon
        )


@pytest.mark.smoke
def test_linear_form_at_hand_computed_points() -> None:
    # d = 10, n = 64: kappa' = (1024/16)^{1/64} - 1 = 2^{6/64} - 1 leaves exactly 1/4.
    values, held = case(100.0, 64.0, 10.0)
    assert held["SEPARATION-LINEAR"]
    assert values["SEPARATION-LINEAR"] == pytest.approx(37.5)
    chosen, held = case(100.0, 64.0, 10.0, 2 ** (6 / 64) - 1)
    assert held["SEPARATION-LINEAR"]
    assert chosen["SEPARATION-LINEAR"] == pytest.approx(values["SEPARATION-LINEAR"])
    assert not case(100.0, 64.0, 10.0, 1.001 * (2 ** (6 / 64) - 1))[1]["SEPARATION-LINEAR"]
    # Ten labels leave 1023/1024 of a wrong codeword: half of what there is to gain is earned.
    few = case(100.0, 10.0, 10.0)[0]["SEPARATION-LINEAR"]
    assert few == pytest.approx(50 / (1 + 1023 / 1024) - 12.5)
    # Linear in H at n = H: 3/8 of it.
    rises = [case(h, h, 10.0)[0]["SEPARATION-LINEAR"] for h in (1e4, 1e5, 1e6)]
    np.testing.assert_allclose(rises, [3 / 8 * h for h in (1e4, 1e5, 1e6)])


@pytest.mark.long
def test_growing_class_separates_all_learners() -> None:
    powers = {
        h: case(h, h, ceil(2 * log2(h)))[0]
        for h in (1 << k for k in (1, 2, 3, 4, 7, 10, 14, 18, 22, 26, 30))
    }
    for horizon, values in powers.items():
        size = ceil(2 * log2(horizon))
        promised = 0.5 * horizon**0.5 * (log(horizon) ** 0.5 - 1)
        assert values["SEPARATION"] >= promised - 0.5 * horizon * (1 - label_share(size, horizon))
    # Positive at every power of two from 8 on, and nearing (H log H)^{1/2} / 2 from below.
    positive = [h for h, values in powers.items() if values["SEPARATION"] > 0]
    assert positive == [h for h in powers if h >= 8]
    for horizon in np.geomspace(16, 2**30, 8).astype(int).tolist():
        assert case(horizon, horizon, ceil(2 * log2(horizon)))[0]["SEPARATION"] > 0
    far = np.array([powers[h]["SEPARATION"] / (h * log(h)) ** 0.5 for h in positive[5:]])
    assert (np.diff(far) > 0).all()
    assert 0.43 < far[-1] < 0.5


def test_constant_class_separates_proper_learners_only() -> None:
    rows = [case(1 << k, 1 << k, 4.0)[0] for k in range(3, 31, 3)]
    proper = np.array([row["SEPARATION-PROPER"] for row in rows])
    every = np.array([row["SEPARATION"] for row in rows])
    assert (proper > 0).all()
    # From n = 2^4/e + 1/2 on the Bayes learner may beat its expert.
    assert (every[:1] < 0.1).all()
    assert (every[1:] <= 1e-9).all()
    # sqrt(H) with C_4 = 0.871 times sigma/H = 1/2, less what merged counts lose.
    assert proper[4] / 2**7.5 == pytest.approx(0.5 * 0.871, rel=1e-3)
    assert proper[-1] / 2**15 == pytest.approx(0.5 * 0.864, rel=1e-3)


@pytest.mark.long
def test_assumptions_fail_when_they_should() -> None:
    setting = jax.jit(half_horizon_game)(*(number(part) for part in (16, 64, 10, 0.01)))
    assert all(assumptions(setting).values())
    broken = {
        "the base is the expert": replace(setting, expert_radius=number(0.0)),
        "the expert lies outside the class": replace(setting, expert_radius=number(1.5)),
        "no data": replace(setting, data_budget=number(0.5)),
        "no class": replace(setting, log2_class_size=number(-1.0)),
        "no coverage": replace(setting, coverage=number(0.0)),
        "more coverage than there is": replace(setting, coverage=number(1.5)),
        "returns beyond the horizon": replace(setting, horizon=number(15.0)),
        "a point mass": replace(setting, law=RewardLaw.equiprobable(jnp.full((1, 2), 8.0))),
    }
    for why, changed in broken.items():
        held = assumptions(changed)
        assert not any(held[name] for name in FORMS), why
    strong = assumptions(replace(setting, expert_radius=number(0.5)))
    assert [bool(strong[name]) for name in FORMS] == [True, True, False]


@jax.jit
def exact_gaps(data_budget: Number, size: Number, tilt: Number) -> dict[str, tuple[Number, Number]]:
    """Each form next to the exact J_VB - J_VF of near learners; sigma = H/2 = 1."""

    def setting(radius: Number) -> Setting:
        return Setting.from_law(
            two_level(jnp.ones(1), jnp.ones(1)),
            horizon=2.0,
            data_budget=data_budget,
            log2_class_size=size,
            chi2_radius=radius,
            expert_radius=tilt**2,
        )

    def pessimism(at: Setting) -> Number:
        return two_level_pessimistic_gain(data_budget, size, jnp.ones(()), at.coverage)

    small, whole = setting(tilt**2), setting(jnp.ones(()))
    lattice = two_level_lattice(data_budget, tilt, size, CELLS)
    correct = probability_correct(lattice, size)
    labels = label_lattice(small.law, data_budget, 1 << 10)
    plug_in = tilt - plug_in_risk(labels, size, tilt, jnp.ones(()))
    proper = BOUNDS["SEPARATION-PROPER"].value
    return {
        "proper, pessimism": (proper(small), pessimism(small) - correct * tilt),
        "proper, plug-in": (proper(small), plug_in - correct * tilt),
        # A free learner plays the better trace of its codeword, whatever the expert's tilt.
        "any, pessimism": (BOUNDS["SEPARATION"].value(whole), pessimism(whole) - correct),
        "linear": (BOUNDS["SEPARATION-LINEAR"].value(whole), pessimism(whole) - correct),
    }


@given(st.integers(1, 4000), st.integers(0, 60), st.floats(1e-3, 1.0))
def test_no_exact_gap_is_below_its_form(data_budget: int, size: int, tilt: float) -> None:
    found = exact_gaps(*(number(part) for part in (data_budget, size, tilt)))
    for name, (bound, gap) in found.items():
        assert float(bound) <= float(gap) + 1e-9, name


def test_no_form_is_vacuous() -> None:
    found = exact_gaps(number(16_000), number(10), number(0.018))
    # Against MLE and pessimism nothing is lost once the labels leave one codeword.
    bound, gap = found["proper, pessimism"]
    assert float(bound) == pytest.approx(float(gap), rel=1e-9)
    bound, gap = exact_gaps(number(400), number(10), number(0.05))["linear"]
    assert 0.9 * float(gap) < float(bound) < float(gap)
    bound, gap = exact_gaps(number(4000), number(60), number(0.09))["any, pessimism"]
    assert 0 < float(bound) < float(gap)
