"""The counts of agreements that are summed, and what lies beyond them, against the binomial law."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.theory.games import half_horizon_game
from verigap.theory.bounds.agreements import agreement_cells, log_base_at_least


def setting(traces: int, tilt: float):
    parts = (jnp.asarray(part) for part in (8.0, float(traces), 10.0, tilt**2))
    return half_horizon_game(*parts)


@pytest.mark.parametrize(("traces", "tilt"), [(10_000, 0.2), (50_000, 0.0), (9_000, 0.7)])
def test_what_lies_outside_is_at_most_what_is_said(traces: int, tilt: float) -> None:
    cells = agreement_cells(setting(traces, tilt))
    chance = (1 + tilt) / 2
    # A tail is at least its first term, which Chernoff's bound exceeds by a factor sqrt(2 pi n p q)
    # at most, near the middle.
    most = 0.5 * np.log(2 * np.pi * traces * chance * (1 - chance)) + 0.5
    below = float(stats.binom.logpmf(float(cells.first[0]) - 1.0, traces, chance))
    assert below <= float(cells.log_below) <= below + most
    end = float(cells.last[-1]) + 1.0
    if end <= traces:
        beyond = float(stats.binom.logpmf(end, traces, chance))
        assert beyond <= float(cells.log_beyond) <= beyond + most
    else:
        assert np.exp(float(cells.log_beyond)) == 0.0


@pytest.mark.parametrize(("traces", "tilt"), [(3, 0.5), (100, 0.2), (10_000, 0.2), (10**7, 0.1)])
def test_masses_are_rounded_to_their_side(traces: int, tilt: float) -> None:
    cells = agreement_cells(setting(traces, tilt))
    inside = np.asarray(cells.first) <= traces
    first, last = (np.asarray(end)[inside] for end in (cells.first, cells.last))

    def exact(chance: float) -> np.ndarray:
        law = stats.binom(traces, chance)
        return law.cdf(last) - law.cdf(first - 1.0)

    expert = np.exp(np.asarray(cells.log_expert)[inside])
    base = np.exp(np.asarray(log_base_at_least(cells, jnp.asarray(float(traces))))[inside])
    assert (expert >= exact((1 + tilt) / 2) * (1 - 1e-9) - 1e-15).all()
    assert (base <= exact(0.5) * (1 + 1e-9) + 1e-15).all()
    # Cells of one count lose nothing but rounding.
    if (first == last).all():
        assert expert.sum() == pytest.approx(1.0, rel=1e-9)
        np.testing.assert_allclose(expert, exact((1 + tilt) / 2), rtol=1e-9, atol=1e-15)
