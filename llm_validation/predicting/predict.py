"""Predict the gap of every group of a trace table: all behind `verigap predict`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons, whole
from verigap.llm_validation.fitting.counts import group_counts
from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.measuring.measure import (
    CANDIDATES,
    DATA,
    SEEDS,
    default_data_budgets,
    default_horizons,
    measure_group,
)
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.drawn_prompts import MOST_PROMPTS, draw_prompts
from verigap.llm_validation.pools.leashes import CHI2_1, Leash
from verigap.llm_validation.pools.policy_values import Settings
from verigap.llm_validation.pools.pools import SamplePools, verified_pools
from verigap.llm_validation.predicting.bounds import bounds_beside
from verigap.llm_validation.predicting.calibration import (
    ClassSize,
    Slice,
    calibration_slice,
    effective_class_size,
    smaller_half,
)
from verigap.llm_validation.predicting.correction import corrected
from verigap.llm_validation.predicting.crossover import crossovers
from verigap.llm_validation.predicting.draws import (
    LEARNERS,
    Assumptions,
    Draws,
    shrunk,
    statistic,
)
from verigap.llm_validation.predicting.group_laws import GroupLaws, laws_of_traces
from verigap.llm_validation.predicting.parametric import (
    learned_error_rates,
    parametric_draws,
    pool_values,
)
from verigap.llm_validation.predicting.prediction import (
    PARAMETRIC,
    RELABELLING,
    GroupPrediction,
    PredictedCell,
)
from verigap.llm_validation.predicting.relabelling import predicted_draws
from verigap.llm_validation.traces import Traces, group_traces
from verigap.storage.progress import Progress
from verigap.storage.stages import RunStage, run_stage
from verigap.storage.tables import TableError

_MOST_ATOMS = 64
_FEW_SAMPLES = 8
REPLICATES = 1000
"""Bootstrap replicates over prompts."""


@dataclass(frozen=True)
class Options:
    """What a prediction is asked for.

    Attributes:
      leash: of the expert and of every leashed policy.
      num_candidates: N of best-of-N.
      log2_class_size: d in bits of the relabelling game that then predicts; None for a prediction
        from the features of the traces. It needs a chi-square leash.
      false_positive, false_negative: error rates in [0, 1] of the check that labels and selects in
        the relabelling game.
      estimate_errors: estimate both rates for the learned reward model instead.
      seed: seed of all randomness, from 0 to 2^32 - 1.

    Raises:
      TableError: on construction, if a number is out of range, or a check errs without a class
        size, as then no game is played.
    """

    leash: Leash = CHI2_1
    num_candidates: int = CANDIDATES
    log2_class_size: float | None = None
    false_positive: float = 0.0
    false_negative: float = 0.0
    estimate_errors: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self.num_candidates, "num_candidates", 1, 10**9)
        whole(self.seed, "seed", 0, 2**32 - 1)
        size = self.log2_class_size
        for name, value, least, most in (
            ("log2_class_size", 1.0 if size is None else size, 1e-3, 200.0),
            ("false_positive", self.false_positive, 0.0, 1.0),
            ("false_negative", self.false_negative, 0.0, 1.0),
        ):
            if not (math.isfinite(value) and least <= value <= most):
                raise TableError(
                    f"{name}: {value!r} is out of range; give a number from {least:g} to {most:g}"
                )
        if size is not None and self.leash.divergence != "chi2":
            raise TableError(
                "log2_class_size: the relabelling game predicts on a chi-square leash only, by its "
                "ceiling; choose that one, or give no class size"
            )
        if size is None and (self.false_positive or self.false_negative or self.estimate_errors):
            raise TableError(
                "log2_class_size: a check that errs is one of the relabelling game; give its class "
                "size in bits, or no error rates"
            )

    def settings(self, data_budgets: Sequence[int]) -> Settings:
        """Of the measurement that the prediction is corrected by and compared with.

        Args:
          data_budgets: n, ascending.
        """
        return Settings(
            data_budgets=tuple(data_budgets),
            num_candidates=self.num_candidates,
            leash=self.leash,
            seeds=SEEDS,
            seed=self.seed,
        )


def predict(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    options: Options | None = None,
    *,
    measured: Sequence[GroupMeasurement] = (),
    most_prompts: int = MOST_PROMPTS,
    report: Callable[[Progress], None] | None = None,
) -> tuple[GroupPrediction, ...]:
    """Predictions of every (dataset, model) of a trace table.

    Args:
      traces: the samples.
      horizons: distinct budgets H in the unit of the traces; those of the measurement by default.
      data_budgets: distinct n; those of the measurement by default.
      options: what is given, and how.
      measured: measurements of the groups; only their calibration slices are looked at. Without
        them the slice is measured here, unless a class size is given. They are of the same prompts:
        made with the same `most_prompts` and seed.
      most_prompts: prompts of a group that the prediction is made from, drawn at random where there
        are more; a warning says so.
      report: called before each group.

    Raises:
      TableError: an argument is out of range, or no sample was verified.

    Example:
      >>> from verigap.llm_validation.predicting.predict import Options, predict
      >>> from verigap.llm_validation import read_traces
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> (group,) = predict(traces, [64], [64], Options(log2_class_size=4.0))
      >>> group.cell(64, 64).gap.estimate > 0
      True
    """
    options = options or Options()
    budgets = None if horizons is None else tuple(checked_horizons(horizons))
    amounts = None if data_budgets is None else checked_data_budgets(data_budgets)
    drawn = draw_prompts(traces, most_prompts, options.seed)
    groups = tuple(map(drawn.marked, verified_pools(drawn.traces)))
    known = {(group.dataset, group.model): group for group in measured}
    predictions = []
    for done, pools in enumerate(groups):
        name = " ".join(part for part in (pools.dataset, pools.model) if part)
        if report is not None:
            report(Progress(done=done, total=len(groups), doing=name))
        own_budgets = budgets or default_horizons(pools)
        own_data = amounts or default_data_budgets(pools)
        whole_group = known.get((pools.dataset, pools.model))
        calibration = None
        if options.log2_class_size is None and whole_group is not None:
            calibration = calibration_slice(whole_group)
        elif options.log2_class_size is None:
            calibration = _measured_slice(pools, own_budgets, own_data, options)
        own = group_traces(drawn.traces, pools.dataset, pools.model)
        (laws,) = laws_of_traces(own, own_budgets)
        (counts,) = group_counts(own)
        predictions.append(
            predict_group(laws.of_samples(counts), own_data, options, pools, calibration)
        )
    if report is not None:
        report(Progress(len(groups), len(groups)))
    return tuple(predictions)


def _measured_slice(
    pools: SamplePools, horizons: Sequence[int], data_budgets: Sequence[int], options: Options
) -> GroupMeasurement:
    """The calibration slice of a grid, measured without the rest of it."""
    settings = options.settings(smaller_half(data_budgets))
    return measure_group(pools, smaller_half(horizons), settings)


def predict_laws(
    groups: Sequence[GroupLaws], data_budgets: Iterable[int] | None, options: Options
) -> tuple[GroupPrediction, ...]:
    """Predictions from reward laws alone, by the relabelling game.

    Raises:
      TableError: an argument is out of range, or needs the traces: without them nothing can be
        calibrated or estimated.
    """
    if options.log2_class_size is None or options.estimate_errors:
        raise TableError(
            "log2_class_size: reward laws do not say how large a class is, nor how a learned "
            "verifier errs; give it and the error rates, or predict from the traces"
        )
    amounts = DATA if data_budgets is None else checked_data_budgets(data_budgets)
    return tuple(predict_group(group, amounts, options) for group in groups)


def predict_group(
    laws: GroupLaws,
    data_budgets: Sequence[int],
    options: Options,
    pools: SamplePools | None = None,
    calibration: GroupMeasurement | None = None,
    run: RunStage = run_stage,
) -> GroupPrediction:
    """The prediction of one group: of the relabelling game if a class size is given, else of pools.

    Args:
      laws: of the group's prompts at the wanted budgets.
      data_budgets: n, ascending.
      options: what is given, and how.
      pools: the samples; needed without a given class size.
      calibration: a measured slice of small budgets and n; needed without a given class size.
      run: runs the stages "calibrating", "predicting" and "bounding".
    """
    resampler = Resampler(laws.prompts, options.seed, REPLICATES)
    horizons, data_budgets = tuple(laws.laws), tuple(data_budgets)
    predictor, size = RELABELLING, options.log2_class_size
    if size is None:
        assert pools is not None, "without a class size the pools predict"
        assert calibration is not None, "without a class size a measured slice is needed"
        seen = Slice.of(calibration, laws.prompt_ids, resampler)
        predictor = PARAMETRIC
        class_size = run("calibrating", lambda: effective_class_size(laws, seen, options.seed))
        given = _assumptions(options, class_size, None, horizons[-1], data_budgets[-1])
        draws = run(
            "predicting",
            lambda: parametric_prediction(pools, horizons, data_budgets, options, resampler, seen),
        )
    else:
        class_size = ClassSize(size, None, "")
        given = _assumptions(options, class_size, pools, horizons[-1], data_budgets[-1])
        draws = run(
            "predicting",
            lambda: predicted_draws(laws, given, data_budgets, resampler, options.seed),
        )
    gaps = draws.gap(), draws.gap("vb-best-of-n")
    if predictor == PARAMETRIC:
        gaps = shrunk(gaps[0]), shrunk(gaps[1])
    bounds = run("bounding", lambda: _bounds(laws, given, data_budgets))
    worth = draws.expert - draws.base
    by_horizon, by_data_budget = crossovers(horizons, data_budgets, gaps[0], worth)
    return GroupPrediction(
        dataset=laws.dataset,
        model=laws.model,
        unit=laws.unit,
        prompts=laws.prompts,
        leash=options.leash,
        num_candidates=options.num_candidates,
        predictor=predictor,
        log2_class_size=class_size.statistic,
        class_size_source="calibrated" if size is None else "given",
        false_positive=given.false_positive,
        false_negative=given.false_negative,
        base={h: statistic(draws.base[:, i]) for i, h in enumerate(horizons)},
        expert={h: statistic(draws.expert[:, i]) for i, h in enumerate(horizons)},
        cells=_cells(draws, gaps, laws, data_budgets, bounds),
        crossover_data_budget=by_horizon,
        crossover_horizon=by_data_budget,
        warnings=(
            *laws.warnings,
            *_drawn_from(pools, options.seed),
            *_warnings(laws),
            *filter(None, [class_size.doubt]),
        ),
        bi_level=laws.bi_level,
    )


def _assumptions(
    options: Options, size: ClassSize, pools: SamplePools | None, horizon: int, data_budget: int
) -> Assumptions:
    """What the relabelling game takes as given, error rates at the largest budget and n."""
    wrong, missed = options.false_positive, options.false_negative
    # One prompt leaves nobody to learn from.
    if options.estimate_errors and pools is not None and pools.prompts > 1:
        rates = learned_error_rates(pools, horizon, data_budget, options.seed)
        wrong, missed = (0.0 if math.isnan(rate) else rate for rate in rates)
    return Assumptions(
        leash=options.leash,
        log2_class_size=size.estimate,
        num_candidates=options.num_candidates,
        false_positive=wrong,
        false_negative=missed,
    )


def parametric_prediction(
    pools: SamplePools,
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    options: Options,
    resampler: Resampler,
    seen: Slice,
) -> Draws:
    """The parametric prediction, corrected by a measured slice.

    Args:
      pools: samples of the group; with one prompt nobody learns, and learners are NaN.
      horizons: H, ascending.
      data_budgets: n, ascending.
      options: the leash, N and the seed.
      resampler: of the prompts.
      seen: the slice, measured on the same prompts.
    """
    if pools.prompts < 2:
        values = [pool_values(pools, horizon, options.leash) for horizon in horizons]
        base, expert = np.array(values).transpose(1, 2, 0)
        unknown = np.full((1, len(horizons), len(data_budgets)), np.nan)
        return Draws(base, expert, dict.fromkeys(LEARNERS, unknown))
    draws = parametric_draws(
        pools,
        horizons,
        data_budgets,
        options.num_candidates,
        options.leash,
        resampler,
        options.seed,
    )
    return corrected(draws, horizons, data_budgets, seen)


def _bounds(
    laws: GroupLaws, given: Assumptions, data_budgets: Sequence[int]
) -> dict[tuple[int, int], dict[str, float]]:
    """The bounds that are proved, by (horizon, n)."""
    atoms = min(max(laws.samples, 2), _MOST_ATOMS)
    return {
        (horizon, n): bounds
        for horizon, law in laws.laws.items()
        for n, bounds in zip(
            data_budgets, bounds_beside(law, horizon, given, data_budgets, atoms), strict=True
        )
    }


def _cells(
    draws: Draws,
    gaps: tuple[Float[np.ndarray, "B horizons data_budgets"], ...],
    laws: GroupLaws,
    data_budgets: Sequence[int],
    bounds: Mapping[tuple[int, int], Mapping[str, float]],
) -> tuple[PredictedCell, ...]:
    """The statistics of every (horizon, n) of the draws, in this order.

    The gaps are those on the leash, then those of best-of-N, the estimate in row 0.
    """
    leashed, best_of_n = gaps
    return tuple(
        PredictedCell(
            horizon=horizon,
            data_budget=n,
            extrapolated=laws.extrapolated(horizon),
            suboptimality={
                name: statistic(values[:, row, column])
                for name, values in draws.suboptimality.items()
            },
            gap=statistic(leashed[:, row, column]),
            gap_best_of_n=statistic(best_of_n[:, row, column]),
            bounds=bounds[horizon, n],
        )
        for row, horizon in enumerate(laws.laws)
        for column, n in enumerate(data_budgets)
    )


def _drawn_from(pools: SamplePools | None, seed: int) -> list[str]:
    """That not all prompts were looked at."""
    if pools is None or pools.drawn_from is None:
        return []
    return [
        f"made from {pools.prompts:,} of {pools.drawn_from:,} prompts with a verified sample, "
        f"drawn at random (seed {seed})"
    ]


def _warnings(laws: GroupLaws) -> list[str]:
    found = []
    if laws.prompts == 1:
        found.append(
            "one prompt: nothing shows how prompts differ, so there are no intervals, and without "
            "a class size no predicted gap"
        )
    if laws.samples < _FEW_SAMPLES:
        found.append(
            f"{laws.samples} samples a prompt: the pools stand for the base policy, and spread "
            "within prompts that they do not show is not predicted"
        )
    for horizon, law in laws.laws.items():
        if not float(np.asarray(law.mean).max()) > 0:
            found.append(f"no sample is correct within H = {horizon}: every value there is 0")
        if laws.extrapolated(horizon):
            found.append(
                f"H = {horizon} is beyond the longest trace ({laws.longest}): returns there only "
                f"grow by the {laws.unit} left over"
            )
    return found
