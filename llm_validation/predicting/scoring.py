"""How good a predicted gap is on prompts that it was not made from, beside two baselines.

The prompts are split in half at random. From one half the gap is predicted as `predict` does, with
the slice of small budgets and small n measured there; on the other half it is measured, with
learners that are trained and tested within that half. Both halves take each part, in several
splits. The baselines are the gap measured on the first half in the very cell, as it is and moved
towards 0 as the prediction is, and no gap at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.measuring.measure import measure_group
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.predicting.calibration import Slice, calibration_slice, held_out_cells
from verigap.llm_validation.predicting.draws import shrunk, statistic
from verigap.llm_validation.predicting.predict import REPLICATES, Options, parametric_prediction
from verigap.storage.units import LengthUnit

Cell = tuple[int, int]
"""(horizon, n)."""

PREDICTED, REUSED, SHRUNK, NO_GAP = "predicted", "reused", "reused and shrunk", "no gap"
METHODS: tuple[str, ...] = PREDICTED, REUSED, SHRUNK, NO_GAP
SPLITS = 1
"""Random splits of the prompts; each gives two comparisons a cell."""

_FEWEST = 4


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One cell on one half of the prompts, and what was said of it from the other half.

    Attributes:
      horizon, data_budget: of the cell.
      measured: the leashed gap.
      forecasts: by method; an end that a method does not give is NaN.
    """

    horizon: int
    data_budget: int
    measured: Statistic
    forecasts: Mapping[str, Statistic]


@dataclass(frozen=True, kw_only=True)
class MethodScore:
    """How one method did on other prompts; NaN where a number has no meaning.

    Attributes:
      method: "predicted"; "reused", the gap measured on the first half in the same cell; "reused
        and shrunk", the same moved towards 0 as far as it is noise; or "no gap", which says 0.
      cells: comparisons, one a split, direction and held-out cell.
      clear: those whose measured interval excludes 0.
      sign_accuracy: share of the clear ones whose sign is right; a gap of 0 has none.
      absolute_error: mean distance of the two gaps, in the unit of the traces.
      relative_error: sum of the distances over the sum of the sizes of the measured gaps.
      coverage: share of comparisons in which the two gaps are as far apart as both 95 % intervals
        together allow; NaN for a method without intervals.
    """

    method: str
    cells: int
    clear: int
    sign_accuracy: float
    absolute_error: float
    relative_error: float
    coverage: float


@dataclass(frozen=True, kw_only=True)
class PredictionScore:
    """Scores of every method on one group.

    Attributes:
      dataset, model, unit: of the group.
      prompts: in each half.
      splits: random splits of the prompts, each taken in both directions.
      held_out: (horizon, n) of the cells that are scored: those beyond the calibration slice.
      comparisons: in order of split and direction, then of cell.
      methods: the prediction, then the baselines.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompts: int
    splits: int
    held_out: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    methods: tuple[MethodScore, ...]


def score(
    pools: SamplePools,
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    options: Options | None = None,
    *,
    splits: int = SPLITS,
) -> PredictionScore:
    """Score the predicted gap of one group on the halves of its prompts that it does not see.

    Args:
      pools: samples of the group. Of fewer than four prompts nothing is compared; of an odd number
        each split leaves one out.
      horizons: budgets H in the unit of the pools, ascending.
      data_budgets: n, ascending.
      options: the leash, N and the seed, which is also that of the splits.
      splits: random splits, at least 1.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.pools.pools import verified_pools
      >>> (pools,) = verified_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = score(pools, [32], [16, 64], splits=1)
      >>> found.held_out, [method.method for method in found.methods]
      (((32, 64),), ['predicted', 'reused', 'reused and shrunk', 'no gap'])
    """
    options = options or Options()
    held_out = held_out_cells(horizons, data_budgets)
    half = pools.prompts // 2 if pools.prompts >= _FEWEST else 0
    comparisons: list[Comparison] = []
    for split in range(splits if half and held_out else 0):
        order = np.random.default_rng([options.seed, 4, split]).permutation(pools.prompts)
        first, second = (
            _forecasts(selected_prompts(pools, np.sort(rows)), horizons, data_budgets, options)
            for rows in (order[:half], order[half : 2 * half])
        )
        comparisons += [
            Comparison(
                horizon=cell[0],
                data_budget=cell[1],
                measured=other[REUSED][cell],
                forecasts={name: own[name][cell] for name in METHODS},
            )
            for own, other in ((first, second), (second, first))
            for cell in held_out
        ]
    truths = [each.measured for each in comparisons]
    return PredictionScore(
        dataset=pools.dataset,
        model=pools.model,
        unit=pools.unit,
        prompts=half,
        splits=splits,
        held_out=held_out,
        comparisons=tuple(comparisons),
        methods=tuple(
            method_score(name, [each.forecasts[name] for each in comparisons], truths)
            for name in METHODS
        ),
    )


def selected_prompts(pools: SamplePools, rows: Int[np.ndarray, " rows"]) -> SamplePools:
    """The pools of some prompts, as wide as before so that nothing is compiled again.

    Args:
      pools: samples of a group.
      rows: places of the prompts, ascending.
    """
    return replace(
        pools,
        prompt_ids=tuple(pools.prompt_ids[row] for row in rows),
        mask=pools.mask[rows],
        correct=pools.correct[rows],
        ends_correct=pools.ends_correct[rows],
        first_correct=pools.first_correct[rows],
        n_tokens=pools.n_tokens[rows],
        answer=pools.answer[rows],
        verifier_score=pools.verifier_score[rows],
        logprob=pools.logprob[rows],
        text=None if pools.text is None else pools.text[rows],
    )


def _forecasts(
    pools: SamplePools, horizons: Sequence[int], data_budgets: Sequence[int], options: Options
) -> dict[str, dict[Cell, Statistic]]:
    """What every method says of the gap on other prompts, by method and cell."""
    measured = measure_group(pools, horizons, options.settings(data_budgets))
    resampler = Resampler(pools.prompts, options.seed, REPLICATES)
    whole = Slice.of(measured, pools.prompt_ids, resampler).means
    seen = Slice.of(calibration_slice(measured), pools.prompt_ids, resampler)
    predicted = parametric_prediction(pools, horizons, data_budgets, options, resampler, seen)
    reused = measured.gap(leashed=True)
    shrunk_gap = shrunk(whole["verify_leashed"] - whole["clone_leashed"])[0]
    predicted_gap = shrunk(predicted.gap())
    forecasts: dict[str, dict[Cell, Statistic]] = {name: {} for name in METHODS}
    for row, horizon in enumerate(horizons):
        for column, n in enumerate(data_budgets):
            cell, moved = (horizon, n), float(shrunk_gap[row, column])
            forecasts[PREDICTED][cell] = statistic(predicted_gap[:, row, column])
            forecasts[REUSED][cell] = reused[cell]
            forecasts[SHRUNK][cell] = reused[cell]._replace(estimate=moved)
            forecasts[NO_GAP][cell] = Statistic(0.0, np.nan, np.nan)
    return forecasts


def method_score(
    name: str, predicted: Sequence[Statistic], measured: Sequence[Statistic]
) -> MethodScore:
    """Score gaps against measured ones, comparison by comparison.

    Args:
      name: of the method.
      predicted: gaps with intervals, NaN where there are none.
      measured: of the same cells; comparisons in which it is NaN are left out.

    Example:
      >>> truth, guess = Statistic(2.0, 1.0, 3.0), Statistic(1.0, 0.0, 2.0)
      >>> method_score("guess", [guess], [truth]).relative_error
      0.5
    """
    pairs = np.asarray([*predicted, *measured], float).reshape(2, -1, 3)
    pairs = pairs[:, np.isfinite(pairs[1, :, 0])]
    (guess, guess_low, guess_high), (truth, low, high) = pairs[0].T, pairs[1].T
    clear = (low > 0) | (high < 0)
    error = truth - guess
    # Towards the other: the upper half of one interval, the lower half of the other.
    room = np.where(
        error > 0,
        np.hypot(guess_high - guess, truth - low),
        np.hypot(guess - guess_low, high - truth),
    )
    known = np.isfinite(room)
    return MethodScore(
        method=name,
        cells=truth.size,
        clear=int(clear.sum()),
        sign_accuracy=_share(np.sign(guess[clear]) == np.sign(truth[clear])),
        absolute_error=_share(np.abs(error)),
        relative_error=_ratio(np.abs(error).sum(), np.abs(truth).sum()),
        coverage=_share((np.abs(error) <= room + 1e-12)[known]),
    )


def _share(values: Float[np.ndarray, " any"] | Bool[np.ndarray, " any"]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
