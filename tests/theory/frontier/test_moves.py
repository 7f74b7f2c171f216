"""The nearest change that moves a verdict, on leads that are known in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.frontier.moves import Move, Parameter, nearest_move, side_of

# Many small formulas in NumPy, whose annotations take longer to check than they do.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")


def _move(lead, value: float = 4.0, margin: float = 0.0, **known) -> Move:
    return nearest_move(Parameter(name="x", value=value, lead=lead, **known), margin)


@pytest.mark.smoke
@settings(max_examples=20)
@given(st.floats(-3.5, 3.5).filter(lambda log: abs(log) > 1e-3), st.sampled_from([-1.0, 1.0]))
def test_a_log_linear_lead_is_crossed_where_it_is_0(log: float, sign: float) -> None:
    move = _move(lambda x: sign * (math.log(x / 4.0) - log))
    assert move.factor == pytest.approx(math.exp(log), rel=1e-6)
    # The lead rises with x where the sign is positive, so above the root it is positive.
    assert move.becomes == ("verifying" if sign * log > 0 else "cloning")
    assert move.converged
    assert move.elasticity == pytest.approx(sign, rel=1e-6)
    assert move.doubled - move.halved == pytest.approx(sign * math.log(4))


def test_the_nearer_of_two_crossings_is_taken() -> None:
    # Cloning leads between 2 and 16 alone; 16 is nearer to 9 by its factor.
    def lead(x: float) -> float:
        return (math.log(x / 2)) * (math.log(x / 16))

    move = _move(lead, 9.0)
    assert (move.at, move.becomes) == (pytest.approx(16.0), "verifying")
    assert _move(lead, 4.0).at == pytest.approx(2.0)


def test_no_value_that_makes_sense_is_an_answer() -> None:
    for known in ({"high": 8.0}, {"high": 8.0, "whole": True}):
        move = _move(lambda x: math.log(x / 10), **known)
        assert (move.at, move.factor, move.becomes, move.converged) == (None, None, None, True)
        assert move.searched[1] == 8.0
    assert math.isnan(_move(math.log, high=5.0).doubled)
    flat = _move(lambda _: -1.0)
    assert (flat.at, flat.elasticity, flat.doubled) == (None, 0.0, -1.0)
    assert flat.searched == (4.0 / 64, 4.0 * 64)


def test_a_lead_that_only_vanishes_ends_in_neither() -> None:
    # Cloning leads by 1/x: never the other side, but at 100 by no more than the margin.
    move = _move(lambda x: -1.0 / x, margin=0.01)
    assert (move.at, move.becomes) == (pytest.approx(100.0), "neither")
    # The other side is said where it comes to lead, although neither leads before.
    move = _move(lambda x: math.log(x / 16), margin=0.5)
    assert (move.at, move.becomes) == (pytest.approx(16 * math.exp(0.5)), "verifying")


def test_out_of_neither_both_ways_are_looked_at() -> None:
    move = _move(lambda x: 0.1 * math.log(x / 4) + 0.05, margin=0.1)
    assert (move.at, move.becomes) == (pytest.approx(4 * math.exp(0.5)), "verifying")
    move = _move(lambda x: 0.1 * math.log(x / 4) - 0.05, margin=0.1)
    assert (move.at, move.becomes) == (pytest.approx(4 * math.exp(-0.5)), "cloning")


@settings(max_examples=25)
@given(st.integers(1, 20), st.floats(0.0, 0.3), st.booleans())
def test_whole_numbers_agree_with_brute_force(value: int, margin: float, rising: bool) -> None:
    def lead(n: float) -> float:
        return (1 if rising else -1) * math.log(n / 31.4) / 3

    move = _move(lead, float(value), margin, whole=True, low=1.0)
    here = side_of(lead(value), margin)
    sides = {n: side_of(lead(n), margin) for n in range(1, 64 * value + 1)}
    other = {"cloning": "verifying", "verifying": "cloning"}.get(here)
    wanted = [n for n, side in sides.items() if side == other]
    wanted = wanted or [n for n, side in sides.items() if side != here]
    nearest = min(wanted, key=lambda n: abs(math.log(n / value)), default=None)
    assert move.at == nearest
    assert move.becomes == (None if nearest is None else sides[nearest])
    assert move.converged


def test_elasticity_of_whole_numbers_is_between_the_neighbours() -> None:
    move = _move(lambda x: x - 100.0, whole=True, low=1.0)
    assert move.elasticity == pytest.approx((5.0 - 3.0) / math.log(5.0 / 3.0))
    # Up to the ends of the range, which make sense.
    ends = _move(lambda x: x - 100.0, whole=True, low=3.0, high=5.0)
    assert ends.elasticity == pytest.approx(move.elasticity)
    assert math.isnan(_move(math.log, 1.0, whole=True, low=1.0).elasticity)


def test_sides() -> None:
    assert [side_of(lead, 0.1) for lead in (0.11, 0.1, 0.0, -0.1, -0.11)] == [
        "verifying", "neither", "neither", "neither", "cloning",
    ]  # fmt: skip
    assert np.isnan(_move(math.log, 1.0, whole=True, low=1.0).halved)
