"""Fit, measure, predict, score, decide: the one implementation behind `verigap diagnose`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons
from verigap.llm_validation.fitting.fit import Fit, GroupFit, fit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.measuring.measure import (
    CANDIDATES,
    SEEDS,
    default_data_budgets,
    default_horizons,
    measure_group,
)
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.policy_values import Settings
from verigap.llm_validation.pools.pools import SamplePools, sample_pools
from verigap.llm_validation.predicting.calibration import calibration_slice
from verigap.llm_validation.predicting.group_laws import laws_of_traces
from verigap.llm_validation.predicting.predict import Options, predict_group
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.predicting.scoring import PredictionScore, score
from verigap.llm_validation.reporting.assumptions import check_assumptions
from verigap.llm_validation.reporting.diagnosis import (
    Diagnosis,
    GroupDiagnosis,
    target_cell,
)
from verigap.llm_validation.reporting.phase import phase
from verigap.llm_validation.traces import Traces, group_traces, nothing_verified
from verigap.storage.progress import Progress

_STAGES = ("fitting", "measuring", "predicting")


def diagnose(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    *,
    num_candidates: int = CANDIDATES,
    chi2_radius: float = 1.0,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> Diagnosis:
    """Fit the statistics, measure the gap, predict it, and score the prediction, group by group.

    The prediction sees the measured cells of the small budgets and small n alone. It is scored on
    other prompts: made from one half of them, and compared with what the other half shows.

    Args:
      traces: the samples; every (dataset, model) is diagnosed on its own.
      horizons: distinct budgets H in the unit of the traces; by default as `measure` chooses them.
        The verdict is about the largest that is not beyond the longest trace.
      data_budgets: distinct n, traces to learn from; by default as `measure` chooses them. The
        verdict is about the largest.
      num_candidates: N of best-of-N and of the vote.
      chi2_radius: chi-square radius kappa > 0 of the expert and of both leashed policies.
      seed: seed of all randomness, from 0 to 2^32 - 1; the same seed gives the same numbers.
      report: called before each stage of each group.

    Raises:
      TableError: an argument is out of range, or no sample was verified.
    """
    given = None if horizons is None else tuple(checked_horizons(horizons))
    amounts = None if data_budgets is None else checked_data_budgets(data_budgets)
    options = Options(chi2_radius=chi2_radius, num_candidates=num_candidates, seed=seed)
    every = sample_pools(traces)
    kept = [pools for pools in every if pools.prompts]
    if not kept:
        raise nothing_verified(traces.source)
    total = len(kept) * len(_STAGES)
    groups: list[GroupDiagnosis] = []
    for index, pools in enumerate(kept):

        def enter(stage: str, index: int = index) -> None:
            if report is not None:
                done = index * len(_STAGES) + _STAGES.index(stage)
                report(Progress(done, total, doing=f"{stage} group {index + 1} of {len(kept)}"))

        part = group_traces(traces, pools.dataset, pools.model)
        cells = (given or default_horizons(pools), amounts or default_data_budgets(pools))
        groups.append(_diagnose_group(part, pools, *cells, options, enter))
    if report is not None:
        report(Progress(done=total, total=total))
    left_out = tuple(
        (pools.dataset, pools.model, pools.unverified) for pools in every if not pools.prompts
    )
    whole = Fit(tuple(group.fit for group in groups), left_out, Grids(), seed)
    return Diagnosis(tuple(groups), whole, traces.source)


def _diagnose_group(
    traces: Traces,
    pools: SamplePools,
    horizons: Sequence[int],
    data_budgets: tuple[int, ...],
    options: Options,
    enter: Callable[[str], None],
) -> GroupDiagnosis:
    """The diagnosis of one group; its pools and its measurement serve every stage."""
    radius, seed = options.chi2_radius, options.seed
    enter("fitting")
    radii = tuple(sorted({*Grids().chi2_radii, radius}))
    (fitted,) = fit(traces, horizons, seed=seed, grids=replace(Grids(), chi2_radii=radii)).groups
    enter("measuring")
    settings = Settings(
        data_budgets=data_budgets,
        num_candidates=options.num_candidates,
        chi2_radius=radius,
        seeds=SEEDS,
        seed=seed,
    )
    notes = fitted.counts.open_questions
    measurement = measure_group(pools, horizons, settings, notes=notes)
    enter("predicting")
    (laws,) = laws_of_traces(traces, horizons)
    laws = replace(laws, warnings=(*notes, *laws.warnings))
    seen = calibration_slice(measurement)
    prediction = predict_group(laws, data_budgets, options, pools, seen)
    scored = score(pools, horizons, data_budgets, options)
    return _diagnosed(traces, fitted, prediction, measurement, scored, seed)


def _diagnosed(
    part: Traces,
    fitted: GroupFit,
    prediction: GroupPrediction,
    measurement: GroupMeasurement,
    scored: PredictionScore,
    seed: int,
) -> GroupDiagnosis:
    at_horizon, at_data = target_cell(measurement)
    budget, radius = fitted.horizon_fits[at_horizon], measurement.chi2_radius
    coverage = next(row for row in budget.reachable if row.at == radius)
    return GroupDiagnosis(
        fit=fitted,
        prediction=prediction,
        measurement=measurement,
        score=scored,
        phase=phase(
            part,
            (measurement.dataset, measurement.model),
            budget.horizon,
            measurement.data_budgets[at_data],
            chi2_radius=radius,
            log2_class_size=prediction.log2_class_size.estimate,
            coverage=coverage.quantiles,
        ),
        assumptions=tuple(
            check_assumptions(
                part.frame,
                fitted.counts,
                coverage,
                horizon=budget.horizon,
                mixed=measurement.mixed,
                extrapolated=measurement.extrapolated[at_horizon],
            )
        ),
        rows=part.frame,
        seed=seed,
    )
