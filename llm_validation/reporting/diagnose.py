"""Fit, decide, measure, predict: the one implementation behind `verigap diagnose`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons
from verigap.llm_validation.deciding.allocation import allocations
from verigap.llm_validation.deciding.comparison import compare
from verigap.llm_validation.deciding.decisions import GroupDecisions, Request, decide_group
from verigap.llm_validation.deciding.leashes import USUAL
from verigap.llm_validation.deciding.methods.diagnosed import diagnosed_methods
from verigap.llm_validation.fitting.fit import Fit, GroupFit, fit
from verigap.llm_validation.fitting.population import Coverage, Grids
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measure import (
    CANDIDATES,
    SEEDS,
    default_data_budgets,
    default_horizons,
    measure_group,
)
from verigap.llm_validation.pools.drawn_prompts import MOST_PROMPTS, draw_prompts
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.pools.policy_values import Settings
from verigap.llm_validation.pools.pools import SamplePools, sample_pools
from verigap.llm_validation.predicting.calibration import calibration_slice
from verigap.llm_validation.predicting.group_laws import laws_of_traces
from verigap.llm_validation.predicting.predict import Options, predict_group
from verigap.llm_validation.predicting.standing import GroupStanding, group_standing
from verigap.llm_validation.predicting.standing_bounds import group_setting
from verigap.llm_validation.reporting.assumptions import Assumption, check_assumptions
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis, Theory
from verigap.llm_validation.reporting.phase import phase
from verigap.llm_validation.reporting.stages import Stages, kept_stages
from verigap.llm_validation.traces import Traces, group_traces, nothing_verified
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError


def diagnose(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    *,
    num_candidates: int = CANDIDATES,
    leash: Leash = USUAL,
    worth: float | None = None,
    seed: int = 0,
    most_prompts: int = MOST_PROMPTS,
    report: Callable[[Progress], None] | None = None,
    keep: Path | None = None,
) -> Diagnosis:
    """Decide how to select and what to train, group by group, with the statistics behind it.

    Args:
      traces: the samples; every (dataset, model) is diagnosed on its own.
      horizons: distinct budgets H in the unit of the traces. The decisions are about the largest;
        by default the sampling limit, or the longest trace. The others serve the theory.
      data_budgets: distinct n, traces to learn from; by default as `measure` chooses them. The
        decisions are about the largest.
      num_candidates: N that the decisions are about, as far as there are samples.
      leash: of trained policies. The theory is about the chi-square leash that it meets.
      worth: least gain that counts, a share of the largest reward in (0, 1), so 0.01 is one point
        of accuracy; by default one point or a tenth of the headroom, whichever is larger.
      seed: seed of all randomness, from 0 to 2^32 - 1; the same seed gives the same numbers.
      most_prompts: prompts of a group that the decisions and the theory are made from, drawn at
        random where there are more; a note says so. The statistics are of all.
      report: called before each stage of each group.
      keep: folder in which results of stages are kept, so that an interrupted diagnosis of the
        same traces continues; whoever writes the report removes it.

    Raises:
      TableError: an argument is out of range, or no sample was graded.

    Example:
      >>> from verigap.llm_validation.reporting.diagnose import diagnose
      >>> from verigap.llm_validation import read_traces
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> found = diagnose(traces, [64], [16, 64])
      >>> found.groups[0].decisions.by_currency["accuracy"].select.reason
      'open'
    """
    given = None if horizons is None else tuple(checked_horizons(horizons))
    request = _request(data_budgets, num_candidates, leash, worth, seed)
    drawn = draw_prompts(traces, most_prompts, seed)
    every = tuple(map(drawn.marked, sample_pools(drawn.traces, placed=False)))
    kept = [pools for pools in every if pools.prompts]
    if not kept:
        raise nothing_verified(traces.source)
    asked = {**asdict(request), "horizons": given, "most_prompts": most_prompts}
    stages = Stages(
        len(kept),
        report,
        None if keep is None else kept_stages(keep, traces.frame, traces.source, asked, seed),
    )
    groups = []
    for index, pools in enumerate(kept):
        stages.enter(index)
        groups.append(_diagnose_group(traces, drawn.traces, pools, given, request, stages))
    stages.finish()
    left_out = tuple(
        (pools.dataset, pools.model, pools.unverified) for pools in every if not pools.prompts
    )
    return Diagnosis(
        groups=tuple(groups),
        comparisons=tuple(compare([(each.pools, each.decisions) for each in groups], seed)),
        fit=Fit(tuple(group.fit for group in groups), left_out, Grids(), seed),
        source=traces.source,
        seed=seed,
    )


def _request(
    data_budgets: Iterable[int] | None,
    num_candidates: int,
    leash: Leash,
    worth: float | None,
    seed: int,
) -> Request:
    """What is asked of every group, with no n where each group is to choose its own.

    Raises:
      TableError: an argument is out of range.
    """
    amounts = None if data_budgets is None else checked_data_budgets(data_budgets)
    if worth is not None and not (math.isfinite(worth) and 0 < worth < 1):
        raise TableError(f"worth: {worth!r} is out of range; give a share above 0 and below 1")
    request = Request(
        num_candidates=num_candidates,
        data_budgets=amounts or (),
        leash=leash,
        worth=worth,
        seed=seed,
    )
    # Refuses what is out of range, before any work.
    _options(request)
    return request


def _options(request: Request) -> Options:
    """What is asked of the prediction."""
    return Options(
        leash=_of_the_theory(request), num_candidates=request.num_candidates, seed=request.seed
    )


def _of_the_theory(request: Request) -> Leash:
    """The chi-square leash that the statistics, the prediction and the phase diagram are about."""
    leash = request.leash
    # ln(1 + kappa) and back is kappa to a rounding, and a grid holds kappa itself.
    return leash if leash.divergence == "chi2" else Leash("chi2", round(leash.other.radius, 12))


def _diagnose_group(
    every: Traces,
    traces: Traces,
    pools: SamplePools,
    given: Sequence[int] | None,
    request: Request,
    stages: Stages,
) -> GroupDiagnosis:
    """The diagnosis of one group; its pools and its measurement serve every stage.

    Statistics are of every trace, what is learned and decided of those of the prompts drawn.
    """
    every = group_traces(every, pools.dataset, pools.model)
    traces = group_traces(traces, pools.dataset, pools.model)
    horizons = tuple(given or default_horizons(pools))
    budgets = request.data_budgets or default_data_budgets(pools)
    request = replace(request, data_budgets=budgets)
    radii = tuple(sorted({*Grids().chi2_radii, _of_the_theory(request).radius}))
    grids = replace(Grids(), chi2_radii=radii)
    (fitted,) = stages(
        "fitting", lambda: fit(every, horizons, seed=request.seed, grids=grids).groups
    )
    decisions = decide_group(
        pools,
        None if given is None else max(given),
        request,
        stages.within,
        stages,
    )
    counts = decisions.selection.counts
    spent = stages(
        "allocating", lambda: allocations(pools, decisions.horizon, counts, request.seed)
    )
    methods = stages("comparing methods", lambda: diagnosed_methods(decisions))
    theory = None
    if fitted.horizon_fits and pools.n_tokens.size and decisions.horizon is not None:
        theory = _theory(traces, pools, horizons, fitted, request, stages)
    return GroupDiagnosis(
        pools=pools,
        decisions=decisions,
        num_candidates=request.num_candidates,
        allocations=tuple(spent),
        methods=methods,
        fit=fitted,
        theory=theory,
        assumptions=tuple(_assumptions(traces, pools, fitted, decisions, request)),
        rows=traces.frame,
    )


def _theory(
    traces: Traces,
    pools: SamplePools,
    horizons: Sequence[int],
    fitted: GroupFit,
    request: Request,
    stages: Stages,
) -> Theory:
    """Measure the gap in returns, predict it, and place the group in the phase diagram."""
    settings = Settings(
        data_budgets=request.data_budgets,
        num_candidates=request.num_candidates,
        leash=_of_the_theory(request),
        seeds=SEEDS,
        seed=request.seed,
    )
    measurement = stages(
        "measuring", lambda: measure_group(pools, horizons, settings, counts=fitted.counts)
    )
    options = _options(request)
    (laws,) = laws_of_traces(traces, horizons)
    laws = laws.of_samples(fitted.counts)
    seen = calibration_slice(measurement)
    prediction = predict_group(laws, request.data_budgets, options, pools, seen, stages)
    horizon, n = max(horizons), max(request.data_budgets)
    size = prediction.log2_class_size
    return Theory(
        prediction=prediction,
        measurement=measurement,
        phase=stages(
            "placing",
            lambda: phase(
                traces,
                (pools.dataset, pools.model),
                horizon,
                n,
                chi2_radius=_of_the_theory(request).radius,
                log2_class_size=size.estimate,
                coverage=_coverage(fitted, request).quantiles,
            ),
        ),
        standing=stages(
            "standing", lambda: _standing(traces, pools, horizon, n, fitted, request, size)
        )
        if math.isfinite(size.estimate)
        else None,
        horizon=horizon,
        data_budget=n,
    )


def _standing(
    traces: Traces,
    pools: SamplePools,
    horizon: int,
    data_budget: int,
    fitted: GroupFit,
    request: Request,
    log2_class_size: Statistic,
) -> GroupStanding | None:
    """Who leads at the largest budget and n, and what would move it."""
    setting = group_setting(
        traces,
        (pools.dataset, pools.model),
        horizon,
        data_budget,
        chi2_radius=_of_the_theory(request).radius,
        log2_class_size=log2_class_size.estimate,
    )
    return group_standing(
        traces,
        setting,
        log2_class_size=log2_class_size,
        coverage=fitted.horizon_fits[-1].reachable,
        seed=request.seed,
    )


def _assumptions(
    traces: Traces,
    pools: SamplePools,
    fitted: GroupFit,
    decisions: GroupDecisions,
    request: Request,
) -> list[Assumption]:
    """What the theory supposes and these samples break or cannot show."""
    return check_assumptions(
        traces.frame,
        fitted.counts,
        _coverage(fitted, request) if fitted.horizon_fits else None,
        horizon=decisions.horizon,
        mixed=decisions.selection.mixed,
        extrapolated=decisions.horizon is not None and decisions.horizon > pools.reach,
    )


def _coverage(fitted: GroupFit, request: Request) -> Coverage:
    """Coverage within the leash, at the largest budget."""
    rows = fitted.horizon_fits[-1].reachable
    return next(row for row in rows if row.at == _of_the_theory(request).radius)
