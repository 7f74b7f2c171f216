"""Which disjoint rivals n draws leave, against plain enumeration; what pessimism then loses."""

from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.sim.attacks.spaces.success_law import (
    Rivals,
    lost_share,
    lost_share_exactly,
    one_left_exactly,
    some_left_exactly,
)
from verigap.sim.token_mdp.learners.max_min import max_min_policy
from verigap.theory.arrays import host_array

pytestmark = pytest.mark.usefixtures("unchecked_annotations")


def left_by_enumeration(count: int, error: Fraction, traces: int) -> tuple[Fraction, Fraction]:
    """P(exactly one rival is left) and P(some are), over all draws of cells."""
    chances = [error] * count + [1 - count * error]
    one = some = Fraction(0)
    for drawn in product(range(count + 1), repeat=traces):
        left = count - len({cell for cell in drawn if cell < count})
        chance = prod((chances[cell] for cell in drawn), start=Fraction(1))
        one += chance * (left == 1)
        some += chance * (left > 0)
    return one, some


@pytest.mark.smoke
@given(st.integers(1, 3), st.integers(1, 5), st.fractions(Fraction(1, 50), 1, max_denominator=50))
def test_who_is_left(count: int, traces: int, share: Fraction) -> None:
    error = share / (count + 1)
    one, some = left_by_enumeration(count, error, traces)
    assert one_left_exactly(count, error, traces) == one
    assert some_left_exactly(count, error, traces) == some
    rivals = Rivals(host_array(np.log(count)), host_array(float(error)), host_array(traces))
    with np.errstate(all="ignore"):
        ends = np.exp(rivals.log_one_left()), np.exp(rivals.log_some_left())
    for end, exact in zip(ends, (one, some), strict=True):
        assert end <= float(exact) + 1e-12
        if count == 1:
            assert end == pytest.approx(float(exact), rel=1e-12)


@given(
    st.integers(1, 300), st.integers(1, 5), st.floats(1e-4, 0.9), st.sampled_from(["one", "some"])
)
def test_ends_are_on_the_safe_side(traces: int, bits: int, share: float, which: str) -> None:
    count = 2**bits - 1
    error = share / count
    exact = {"one": one_left_exactly, "some": some_left_exactly}[which]
    rivals = Rivals(host_array(np.log(count)), host_array(error), host_array(traces))
    with np.errstate(all="ignore"):
        end = rivals.log_one_left() if which == "one" else rivals.log_some_left()
    # Rounding of ln(1 - e), n times.
    assert np.exp(end) <= float(exact(count, Fraction(error), traces)) * (1 + 1e-10) + 1e-300


success = st.fractions(Fraction(1, 40), Fraction(1, 2), max_denominator=40)
shares = st.fractions(Fraction(1, 40), 1, max_denominator=40)


@given(success, shares, shares)
def test_pessimism_is_indifferent_where_one_rival_is_left(
    p: Fraction, share: Fraction, mass: Fraction
) -> None:
    """Avoiding what the rival denies is max-min, and loses `lost_share` of that prompt."""
    ratio = 1 + share * (1 / p - 1)
    coverage = float(1 / ratio)
    # Two prompts of that kind, and the rest, where nothing pays; one rival, which denies the first.
    masses = np.array([float(mass) / 2, float(mass) / 2, 1.0 - float(mass)])
    base = np.array([[1.0 - float(p), float(p)]] * 3)
    truth = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    rival = truth * np.array([[0.0], [1.0], [1.0]])
    found = max_min_policy(masses, base, np.stack([truth, rival]), coverage)
    right = float(min(p * ratio, Fraction(1)))
    avoided = right - float(lost_share_exactly({"success": p, "expert_share": share}))
    # As much as possible elsewhere: ratios are at most 1/c0.
    elsewhere = min((1 - p) * ratio, Fraction(1))
    assert avoided == pytest.approx(float(1 - elsewhere), abs=1e-12)
    worst = min(masses[0] * avoided + masses[1] * right, masses[1] * right)
    assert worst == pytest.approx(found.value, abs=1e-9)
    values = {"success": host_array(float(p)), "expert_share": host_array(float(share))}
    assert float(lost_share(values)) == pytest.approx(right - avoided, abs=1e-12)
