"""Fit, predict, measure, score, decide: the one implementation behind `verigap diagnose`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons
from verigap.llm_validation.fitting.fit import Fit, GroupFit, fit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.measuring.measure import (
    CANDIDATES,
    default_data_budgets,
    default_horizons,
    measure,
)
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.predicting.predict import Options, predict
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.predicting.scoring import score
from verigap.llm_validation.reporting.assumptions import check_assumptions
from verigap.llm_validation.reporting.diagnosis import (
    Diagnosis,
    GroupDiagnosis,
    target_cell,
)
from verigap.llm_validation.reporting.phase import phase
from verigap.llm_validation.traces import Traces, group_traces, nothing_verified
from verigap.storage.progress import Progress

_STAGES = ("fitting", "predicting", "measuring")


def diagnose(
    traces: Traces,
    budgets: Iterable[int] | None = None,
    data: Iterable[int] | None = None,
    *,
    candidates: int = CANDIDATES,
    radius: float = 1.0,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> Diagnosis:
    """Fit the statistics, predict the gap, measure it, and score the prediction, group by group.

    The prediction is calibrated on the small budgets and small n alone; the other cells are
    measured after it is made.

    Args:
      traces: the samples; every (dataset, model) is diagnosed on its own.
      budgets: distinct budgets H in tokens; by default as `measure` chooses them. The verdict is
        about the largest that is not beyond the longest trace.
      data: distinct n, traces to learn from; by default as `measure` chooses them. The verdict is
        about the largest.
      candidates: N of best-of-N and of the vote.
      radius: chi-square leash kappa.
      seed: of all randomness, at least 0; the same seed gives the same numbers.
      report: called before each stage of each group.

    Raises:
      TableError: an argument is out of range, or no sample was verified.
    """
    given = None if budgets is None else checked_horizons(budgets)
    amounts = None if data is None else checked_data_budgets(data)
    options = Options(radius=radius, candidates=candidates, seed=seed)
    pools = sample_pools(traces)
    kept = [group for group in pools if group.prompts]
    if not kept:
        raise nothing_verified(traces.source)
    groups: list[GroupDiagnosis] = []
    total = len(kept) * len(_STAGES)

    def at(stage: str) -> None:
        if report is not None:
            done = len(groups) * len(_STAGES) + _STAGES.index(stage)
            doing = f"{stage} group {len(groups) + 1} of {len(kept)}"
            report(Progress(done=done, total=total, doing=doing))

    for own in kept:
        part = group_traces(traces, own.dataset, own.model)
        horizons = tuple(given or default_horizons(own))
        numbers = amounts or default_data_budgets(own)
        at("fitting")
        radii = tuple(sorted({*Grids().chi2_radii, radius}))
        (fitted,) = fit(part, horizons, seed=seed, grids=replace(Grids(), chi2_radii=radii)).groups
        at("predicting")
        (prediction,) = predict(part, horizons, numbers, options)
        at("measuring")
        (measurement,) = measure(
            part,
            horizons,
            data_budgets=numbers,
            num_candidates=candidates,
            chi2_radius=radius,
            seed=seed,
        )
        groups.append(_diagnosed(part, fitted, prediction, measurement, seed))
    if report is not None:
        report(Progress(done=total, total=total))
    left_out = tuple(
        (group.dataset, group.model, group.unverified) for group in pools if not group.prompts
    )
    whole = Fit(tuple(group.fit for group in groups), left_out, Grids(), seed)
    return Diagnosis(tuple(groups), whole, traces.source)


def _diagnosed(
    part: Traces,
    fitted: GroupFit,
    prediction: GroupPrediction,
    measurement: GroupMeasurement,
    seed: int,
) -> GroupDiagnosis:
    at_horizon, at_data = target_cell(measurement)
    budget, radius = fitted.horizon_fits[at_horizon], measurement.chi2_radius
    coverage = next(row for row in budget.reachable if row.at == radius)
    return GroupDiagnosis(
        fitted,
        prediction,
        measurement,
        score(prediction, measurement),
        phase(
            part,
            (measurement.dataset, measurement.model),
            budget.horizon,
            measurement.data_budgets[at_data],
            radius=radius,
            log2_class_size=prediction.log2_class_size.estimate,
            coverage=coverage.quantiles,
        ),
        tuple(
            check_assumptions(
                part.frame,
                fitted.counts,
                coverage,
                horizon=budget.horizon,
                mixed=measurement.mixed,
                extrapolated=measurement.extrapolated[at_horizon],
            )
        ),
        part.frame,
        seed,
    )
