"""Plug-in statistics of a budget, sample by sample."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from verigap.llm_validation import fit
from verigap.llm_validation.fitting.horizons import HorizonFit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.traces import Traces

HORIZON = 8
# So that mean + sd ε^½ of a prompt with a third, a quarter or a sixth of its samples correct at
# one place is their return: a tie, which rounding must not decide.
MARGINS = (0.5, 2.0, 3.0, 5.0)
FIRSTS = [
    [3, None, None],
    [6, None, None, None],
    [2, *[None] * 5],
    [1, 2, 9, None],
    [8, 8, 5, 5],
    [None, None],
    [7, 7],
    [1],
]


@pytest.fixture(scope="module")
def budget() -> HorizonFit:
    frame = pl.DataFrame(
        [
            {"prompt_id": prompt, "correct": first is not None, "first_correct": first}
            for prompt, firsts in enumerate(FIRSTS)
            for first in firsts
        ],
        schema={"prompt_id": pl.Int64, "correct": pl.Boolean, "first_correct": pl.Int64},
    )
    grids = Grids(margins=MARGINS, chi2_radii=(1.0,))
    return fit(Traces(frame), [HORIZON], grids=grids, replicates=100).groups[0].horizon_fits[0]


def returns() -> list[np.ndarray]:
    return [
        np.array([0.0 if first is None else max(HORIZON - first + 1, 0) for first in firsts])
        for firsts in FIRSTS
    ]


def test_returns_of_each_prompt(budget: HorizonFit) -> None:
    each = returns()
    mean, sd = [values.mean() for values in each], [values.std() for values in each]
    np.testing.assert_allclose(budget.mean_return_by_prompt, mean)
    np.testing.assert_allclose(budget.sigma_by_prompt, sd, atol=1e-12)
    assert budget.mean_return.estimate == pytest.approx(np.mean(mean))
    assert budget.sigma_over_h.naive == pytest.approx(np.mean(sd) / HORIZON)
    assert budget.success.estimate == pytest.approx(np.mean([np.mean(v > 0) for v in each]))
    unbiased = [values.var(ddof=1) for values in each if values.size > 1]
    rms = np.mean(unbiased) ** 0.5 / HORIZON
    assert budget.sigma_over_h.root_mean_square.estimate == pytest.approx(rms)


def test_the_share_at_or_above_the_threshold_of_each_prompt(budget: HorizonFit) -> None:
    for row in budget.anticoncentration:
        shares = [
            np.mean(values >= values.mean() + values.std() * row.at**0.5 - 1e-7)
            for values in returns()
        ]
        assert row.naive == pytest.approx(np.mean(shares)), row.at


def test_shrunken_deviations_lie_nearer_together(budget: HorizonFit) -> None:
    naive, shrunken = budget.sigma_by_prompt, budget.shrunken_sigma_by_prompt
    assert (shrunken > 0).all()
    assert (shrunken <= HORIZON / 2).all()
    assert shrunken.std() < naive.std()
