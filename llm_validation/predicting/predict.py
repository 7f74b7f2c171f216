"""Predict the gap of every group of a trace table: all behind `verigap predict`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons, whole
from verigap.llm_validation.fitting.counts import group_counts
from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.measuring.measure import (
    CANDIDATES,
    DATA,
    default_data_budgets,
    default_horizons,
    measure,
)
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.pools import SamplePools, verified_pools
from verigap.llm_validation.predicting.bounds import bounds_beside
from verigap.llm_validation.predicting.calibration import (
    ClassSize,
    Slice,
    calibration_slice,
    effective_class_size,
    smaller_half,
)
from verigap.llm_validation.predicting.choosing import choose
from verigap.llm_validation.predicting.correction import corrected
from verigap.llm_validation.predicting.crossover import crossovers
from verigap.llm_validation.predicting.draws import Assumptions, Draws, statistic
from verigap.llm_validation.predicting.group_laws import GroupLaws, laws_of_traces
from verigap.llm_validation.predicting.parametric import learned_error_rates, parametric_draws
from verigap.llm_validation.predicting.prediction import (
    PARAMETRIC,
    RELABELLING,
    GroupPrediction,
    PredictedCell,
    Predictor,
)
from verigap.llm_validation.predicting.relabelling import predicted_draws
from verigap.llm_validation.traces import Traces, group_traces
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError

_MOST_ATOMS = 64
_FEW_SAMPLES = 8
_REPLICATES = 1000


@dataclass(frozen=True)
class Options:
    """What a prediction is asked for.

    Attributes:
      radius: chi-square leash kappa > 0.
      candidates: N of best-of-N.
      log2_class_size: d in bits, or None to calibrate it.
      false_positive, false_negative: error rates of the check that labels and selects, in [0, 1].
      estimate_errors: estimate both rates for the learned reward model instead.
      seed: of all randomness.

    Raises:
      TableError: on construction, if a number is out of range.
    """

    radius: float = 1.0
    candidates: int = CANDIDATES
    log2_class_size: float | None = None
    false_positive: float = 0.0
    false_negative: float = 0.0
    estimate_errors: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self.candidates, "num_candidates", 1, 10**9)
        whole(self.seed, "seed", 0, 2**32 - 1)
        size = self.log2_class_size
        for name, value, least, most in (
            ("chi2_radius", self.radius, 1e-6, 1e6),
            ("log2_class_size", 1.0 if size is None else size, 1e-3, 200.0),
            ("false_positive", self.false_positive, 0.0, 1.0),
            ("false_negative", self.false_negative, 0.0, 1.0),
        ):
            if not (math.isfinite(value) and least <= value <= most):
                raise TableError(
                    f"{name}: {value!r} is out of range; give a number from {least:g} to {most:g}"
                )


def predict(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    data: Iterable[int] | None = None,
    options: Options | None = None,
    *,
    measured: Sequence[GroupMeasurement] = (),
    report: Callable[[Progress], None] | None = None,
) -> tuple[GroupPrediction, ...]:
    """Predictions of every (dataset, model) of a trace table, by both predictors.

    Args:
      traces: the samples.
      horizons: distinct budgets H in tokens; those of the measurement by default.
      data: distinct n; those of the measurement by default.
      options: what is given, and how.
      measured: measurements of the groups; only their calibration slices are looked at. Without
        them the slice is measured here where the class size is to be calibrated.
      report: called before each group.

    Raises:
      TableError: an argument is out of range, or no sample was verified.
    """
    options = options or Options()
    budgets = None if horizons is None else tuple(checked_horizons(horizons))
    amounts = None if data is None else checked_data_budgets(data)
    groups = verified_pools(traces)
    known = {(group.dataset, group.model): group for group in measured}
    found = []
    for done, pools in enumerate(groups):
        name = " ".join(part for part in (pools.dataset, pools.model) if part)
        if report is not None:
            report(Progress(done=done, total=len(groups), doing=name))
        own_budgets = budgets or default_horizons(pools)
        own_data = amounts or default_data_budgets(pools)
        own = group_traces(traces, pools.dataset, pools.model)
        seen = known.get((pools.dataset, pools.model))
        if seen is None and options.log2_class_size is None:
            (seen,) = measure(
                own,
                smaller_half(own_budgets),
                data_budgets=smaller_half(own_data),
                num_candidates=options.candidates,
                chi2_radius=options.radius,
                seed=options.seed,
            )
        elif seen is not None:
            seen = calibration_slice(seen)
        (laws,) = laws_of_traces(own, own_budgets)
        (counts,) = group_counts(own)
        laws = replace(laws, warnings=(*counts.open_questions, *laws.warnings))
        found.append(predict_group(laws, own_data, options, pools, seen))
    if report is not None:
        report(Progress(done=len(groups), total=len(groups)))
    return tuple(found)


def predict_laws(
    groups: Sequence[GroupLaws], data: Iterable[int] | None, options: Options
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
    amounts = DATA if data is None else checked_data_budgets(data)
    return tuple(predict_group(group, amounts, options) for group in groups)


def predict_group(
    laws: GroupLaws,
    data: Sequence[int],
    options: Options,
    pools: SamplePools | None = None,
    calibration: GroupMeasurement | None = None,
) -> GroupPrediction:
    """The prediction of one group.

    Args:
      laws: of the group's prompts at the wanted budgets.
      data: n, ascending.
      options: what is given, and how.
      pools: the samples, for the parametric predictor; without them there is none.
      calibration: a measured slice of small budgets and n; needed without a given class size.
    """
    warnings = [*laws.warnings, *_warnings(laws)]
    resampler = Resampler(laws.prompts, options.seed, _REPLICATES)
    seen = None if calibration is None else Slice.of(calibration, laws.prompt_ids, resampler)
    if options.log2_class_size is not None:
        size, source = ClassSize(options.log2_class_size, None, ""), "given"
    else:
        assert seen is not None, "a class size is given or calibrated"
        size, source = effective_class_size(laws, seen, options.seed), "calibrated"
    warnings += [size.doubt] if size.doubt else []
    horizons = tuple(laws.laws)
    several = pools is not None and laws.prompts > 1
    wrong, missed = options.false_positive, options.false_negative
    if options.estimate_errors and pools is not None and several:
        rates = learned_error_rates(pools, horizons[-1], data[-1], options.seed)
        wrong, missed = (0.0 if math.isnan(rate) else rate for rate in rates)
    given = Assumptions(options.radius, size.estimate, options.candidates, wrong, missed)
    atoms = min(max(laws.samples, 2), _MOST_ATOMS)
    beside = {
        horizon: bounds_beside(law, horizon, given, data, atoms)
        for horizon, law in laws.laws.items()
    }
    draws: dict[Predictor, Draws] = {
        RELABELLING: predicted_draws(laws, given, data, resampler, options.seed, size.draws)
    }
    if pools is not None and several:
        draws[PARAMETRIC] = parametric_draws(
            pools, horizons, data, options.candidates, options.radius, resampler, options.seed
        )
        if seen is not None:
            draws[PARAMETRIC] = corrected(draws[PARAMETRIC], horizons, tuple(data), seen)
    choice = choose(draws, horizons, tuple(data), seen)
    picked = choice.draws

    def cells(each: Draws) -> tuple[PredictedCell, ...]:
        return tuple(
            _cell(each, laws, row, column, horizon, n, beside[horizon][column])
            for row, horizon in enumerate(horizons)
            for column, n in enumerate(data)
        )

    by_horizon, by_data = crossovers(horizons, data, picked.gap(), picked.expert - picked.base)
    return GroupPrediction(
        laws.dataset,
        laws.model,
        laws.unit,
        laws.prompts,
        options.radius,
        options.candidates,
        size.statistic,
        source,
        wrong,
        missed,
        {h: statistic(picked.base[:, i]) for i, h in enumerate(horizons)},
        {h: statistic(picked.expert[:, i]) for i, h in enumerate(horizons)},
        {name: cells(each) for name, each in draws.items()},
        choice.predictor,
        choice.probability,
        cells(picked),
        by_horizon,
        by_data,
        tuple(warnings),
    )


def _cell(
    draws: Draws,
    laws: GroupLaws,
    row: int,
    column: int,
    horizon: int,
    data: int,
    bounds: dict[str, float],
) -> PredictedCell:
    learners = {
        name: statistic(values[:, row, column]) for name, values in draws.suboptimality.items()
    }
    return PredictedCell(
        horizon,
        data,
        laws.extrapolated(horizon),
        **learners,
        gap=statistic(draws.gap()[:, row, column]),
        gap_best_of_n=statistic(draws.gap("vb_best_of_n")[:, row, column]),
        bounds=bounds,
    )


def _warnings(laws: GroupLaws) -> list[str]:
    found = []
    if laws.prompts == 1:
        found.append("one prompt: nothing shows how prompts differ, so there are no intervals")
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
