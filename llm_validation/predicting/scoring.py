"""How good a predicted gap is on cells that nothing was calibrated on, beside two baselines.

The baselines see the measured gaps of the calibration cells: the last one carried forward, and a
power law fitted to them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.predicting.calibration import smaller_half
from verigap.llm_validation.predicting.prediction import GroupPrediction

Cell = tuple[int, int]
"""(horizon, n)."""

PREDICTED, CARRIED, POWER_LAW = "predicted", "last value", "power law"


@dataclass(frozen=True, kw_only=True)
class MethodScore:
    """How one method did on the held-out cells; NaN where a number has no meaning.

    Attributes:
      method: "predicted" (or a predictor's name), "last value" or "power law".
      cells: held-out cells.
      clear: those whose measured interval excludes 0.
      sign_accuracy: share of the clear cells whose sign is right; a gap of 0 has none.
      relative_error: sum of absolute errors over the sum of absolute measured gaps.
      coverage: share of cells whose measured gap is as far from the predicted one as both intervals
        together allow; NaN for a method without intervals.
      rank_correlation: Spearman's, over the cells.
    """

    method: str
    cells: int
    clear: int
    sign_accuracy: float
    relative_error: float
    coverage: float
    rank_correlation: float


@dataclass(frozen=True)
class PredictionScore:
    """Scores of every method on one group.

    Attributes:
      dataset, model: of the group.
      held_out: (horizon, n) of the cells that are scored.
      methods: the chosen prediction first, under "predicted"; then each predictor by its name with
        its own intervals, and the baselines.
    """

    dataset: str
    model: str
    held_out: tuple[Cell, ...]
    methods: tuple[MethodScore, ...]


def score(prediction: GroupPrediction, measured: GroupMeasurement) -> PredictionScore:
    """Score the leashed gap of one group on the cells beyond the calibration slice.

    Args:
      prediction: of the same group; cells that were not predicted are left out.
      measured: at least the predicted budgets and n.
    """
    truth = measured.gap(leashed=True)
    seen = {
        (horizon, n)
        for horizon in smaller_half(measured.horizons)
        for n in smaller_half(measured.data_budgets)
    }
    predicted = {
        name: {(cell.horizon, cell.data_budget): cell.gap for cell in cells}
        for name, cells in prediction.cells.items()
    }
    chosen = {(cell.horizon, cell.data_budget): cell.gap for cell in prediction.chosen_cells}
    held_out, methods = score_gaps({PREDICTED: chosen, **predicted}, truth, seen)
    return PredictionScore(prediction.dataset, prediction.model, held_out, methods)


def score_gaps(
    predicted: Mapping[str, Mapping[Cell, Statistic]],
    measured: Mapping[Cell, Statistic],
    seen: Collection[Cell],
) -> tuple[tuple[Cell, ...], tuple[MethodScore, ...]]:
    """Held-out cells, and the scores of several predictions and of the baselines on them.

    Args:
      predicted: gaps of each method.
      measured: gaps with intervals.
      seen: the calibration cells, which the baselines start from and nobody is scored on.
    """
    known = {cell: gap for cell, gap in measured.items() if np.isfinite(gap.estimate)}
    held_out = tuple(
        sorted(
            cell
            for cell in known
            if cell not in seen and all(cell in method for method in predicted.values())
        )
    )
    start = {cell: known[cell].estimate for cell in sorted(seen) if cell in known}
    every = dict(predicted)
    every[CARRIED] = {cell: _unknown(_carried(start, cell)) for cell in held_out}
    power = _power_law(start)
    every[POWER_LAW] = {cell: _unknown(power(cell)) for cell in held_out}
    return held_out, tuple(
        _method(name, [gaps[cell] for cell in held_out], [known[cell] for cell in held_out])
        for name, gaps in every.items()
    )


def _unknown(value: float) -> Statistic:
    return Statistic(value, float("nan"), float("nan"))


def _carried(start: Mapping[Cell, float], cell: Cell) -> float:
    """The measured gap of the nearest calibration cell below, in H first."""
    below = [other for other in start if other[0] <= cell[0] and other[1] <= cell[1]]
    return start[max(below)] if below else float("nan")


def _power_law(start: Mapping[Cell, float]):
    """gap = c H^a n^b by least squares in logarithms, of the commoner sign; else carried forward.

    Exponents that the cells do not tell (one budget, or one n) are 0.
    """
    cells = np.asarray(list(start), float).reshape(-1, 2)
    gaps = np.asarray(list(start.values()), float)
    sign = 1.0 if (gaps > 0).sum() >= (gaps < 0).sum() else -1.0
    kept = sign * gaps > 0
    if kept.sum() < 2:
        return lambda cell: _carried(start, cell)
    centre = np.log(cells[kept]).mean(axis=0)
    design = np.column_stack([np.ones(kept.sum()), np.log(cells[kept]) - centre])
    fit = np.linalg.lstsq(design, np.log(sign * gaps[kept]), rcond=None)[0]
    return lambda cell: float(
        sign * np.exp(fit[0] + (np.log(np.asarray(cell, float)) - centre) @ fit[1:])
    )


def _method(name: str, predicted: list[Statistic], measured: list[Statistic]) -> MethodScore:
    nan = float("nan")
    if not measured:
        return MethodScore(
            method=name,
            cells=0,
            clear=0,
            sign_accuracy=nan,
            relative_error=nan,
            coverage=nan,
            rank_correlation=nan,
        )
    guess, guess_low, guess_high = np.asarray(predicted, float).T
    truth, low, high = np.asarray(measured, float).T
    clear = (low > 0) | (high < 0)
    right = np.sign(guess[clear]) == np.sign(truth[clear])
    error = truth - guess
    # Towards the other: the upper half of one interval, the lower half of the other.
    room = np.where(
        error > 0,
        np.hypot(guess_high - guess, truth - low),
        np.hypot(guess - guess_low, high - truth),
    )
    size = np.abs(truth).sum()
    ranked = np.unique(guess).size > 1 and np.unique(truth).size > 1
    rank: Any = stats.spearmanr(guess, truth) if ranked else None
    covered = float((np.abs(error) <= room + 1e-12).mean()) if np.isfinite(room).all() else nan
    return MethodScore(
        method=name,
        cells=len(measured),
        clear=int(clear.sum()),
        sign_accuracy=float(right.mean()) if clear.any() else nan,
        relative_error=float(np.abs(error).sum() / size) if size > 0 else nan,
        coverage=covered,
        rank_correlation=float(rank.statistic) if ranked else nan,
    )
