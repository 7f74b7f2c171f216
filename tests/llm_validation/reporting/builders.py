"""Trace tables made by hand, and diagnoses of them without the stages that take long."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from verigap.llm_validation.deciding.allocation import allocations
from verigap.llm_validation.deciding.comparison import compare
from verigap.llm_validation.deciding.decisions import Request, decide_group
from verigap.llm_validation.deciding.methods.diagnosed import diagnosed_methods
from verigap.llm_validation.fitting.fit import Fit, fit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.pools.pools import SamplePools, sample_pools
from verigap.llm_validation.predicting.crossover import Crossover
from verigap.llm_validation.predicting.prediction import (
    PARAMETRIC,
    GroupPrediction,
    PredictedCell,
)
from verigap.llm_validation.predicting.standing import GroupStanding
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis, Theory
from verigap.llm_validation.reporting.phase import phase
from verigap.llm_validation.traces import Traces
from verigap.storage.units import LengthUnit
from verigap.theory.frontier import Move, Side, Verdict

HORIZONS, DATA, SEEDS = (32, 64), (16, 64), 16
VALUES: Mapping[str, float] = {
    "base": 10.0, "expert": 25.0, "clone": 14.0, "clone_leashed": 13.0, "vote": 16.0,
    "verify": 22.0, "verify_leashed": 20.0, "exact": 30.0,
}  # fmt: skip
LEARNERS = ("clone", "clone_leashed", "verify", "verify_leashed")
# What a single prompt leaves: nothing can be learned, and the rest is measured.
UNTAUGHT = {**VALUES, **dict.fromkeys(LEARNERS, float("nan"))}


def rows(
    dataset: str = "d", model: str = "m", prompts: int = 18, samples: int = 8, **columns: Any
) -> pl.DataFrame:
    """Prompts solved 0, 1, ..., `samples` times in turn, at tokens 10, 13, 16, ...

    The last samples of a prompt are the correct ones; `columns` replace or add constants.
    """
    cells = [(prompt, sample) for prompt in range(prompts) for sample in range(samples)]
    correct = [sample >= samples - prompt % (samples + 1) for prompt, sample in cells]
    first = [10 + 3 * sample if right else None for (_, sample), right in zip(cells, correct)]  # noqa: B905
    frame = pl.DataFrame(
        {
            "dataset": dataset,
            "model": model,
            "prompt_id": [f"prompt {prompt}" for prompt, _ in cells],
            "sample_id": [sample for _, sample in cells],
            "correct": correct,
            "first_correct": first,
            "n_tokens": 40,
            "answer": ["right" if right else f"wrong {s}" for (_, s), right in zip(cells, correct)],  # noqa: B905
        }
    )
    return frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()})


def measurement(
    frame: pl.DataFrame, values: Mapping[str, float] = VALUES, spread: float = 2.0
) -> GroupMeasurement:
    """Every policy earns its value at H = 64, half of it at 32, give or take by prompt.

    What is given and taken differs between policies and adds up to 0 over the prompts. Even prompts
    are held out by every other seed, odd ones by the seeds between.
    """
    prompts = tuple(sorted(frame["prompt_id"].unique()))
    waves = spread * np.sin(np.outer(1 + np.arange(len(values)), 1 + np.arange(len(prompts))))
    by_prompt = dict(zip(values, waves - waves.mean(axis=1, keepdims=True), strict=True))
    shape = (len(HORIZONS), len(DATA), SEEDS, len(prompts))
    held_out = np.arange(len(prompts))[None] % 2 == np.arange(SEEDS)[:, None] % 2
    scale = np.array([0.5, 1.0])[:, None, None, None]
    outcomes = frame.group_by("prompt_id").agg(pl.col("correct").n_unique())
    return GroupMeasurement(
        dataset=frame["dataset"][0],
        model=frame["model"][0],
        unit=LengthUnit.TOKENS,
        prompt_ids=prompts,
        samples=frame.height,
        unverified=0,
        mixed=int((outcomes["correct"] > 1).sum()),
        expert_share=0.9,
        horizons=HORIZONS,
        data_budgets=DATA,
        num_candidates=4,
        leash=CHI2_1,
        extrapolated=(False, False),
        values={
            name: np.where(
                held_out, np.broadcast_to(scale * (value + by_prompt[name]), shape), np.nan
            )
            for name, value in values.items()
        },
        warnings=("measured: by hand",),
    )


def prediction(measured: GroupMeasurement, log2_class_size: float = 6.0) -> GroupPrediction:
    """A gap of H/10 everywhere, and a crossover of each kind."""

    def about(value: float) -> Statistic:
        return Statistic(value, value - 1.0, value + 1.0)

    cells = tuple(
        PredictedCell(
            horizon=horizon,
            data_budget=n,
            extrapolated=False,
            suboptimality={
                "vf-mle": about(3.0),
                "vf-bayes": Statistic(*[float("nan")] * 3),
                "vb-version-space": about(1.0),
                "vb-best-of-n": about(0.5),
            },
            gap=about(horizon / 10),
            gap_best_of_n=about(horizon / 8),
            bounds={"VF-LOWER": 1.0},
        )
        for horizon in measured.horizons
        for n in measured.data_budgets
    )
    return GroupPrediction(
        dataset=measured.dataset,
        model=measured.model,
        unit=measured.unit,
        prompts=len(measured.prompt_ids),
        leash=measured.leash,
        num_candidates=measured.num_candidates,
        predictor=PARAMETRIC,
        log2_class_size=Statistic(log2_class_size, log2_class_size / 2, log2_class_size * 2),
        class_size_source="calibrated",
        false_positive=0.0,
        false_negative=0.0,
        base={},
        expert={},
        cells=cells,
        crossover_data_budget={
            32: Crossover(kind="everywhere"),
            64: Crossover(kind="at", at=about(20.0)),
        },
        crossover_horizon={16: Crossover(kind="nowhere"), 64: Crossover(kind="unknown")},
        warnings=("measured: said before", "predicted: by hand"),
    )


def pools_of(frame: pl.DataFrame) -> SamplePools:
    """The pools of a frame of one group."""
    (pools,) = sample_pools(Traces(frame), placed=False)
    return pools


def request(**given: Any) -> Request:
    """What the tests ask of both decisions; `given` replaces."""
    usual: dict[str, Any] = {
        "num_candidates": 4,
        "data_budgets": DATA,
        "leash": CHI2_1,
        "worth": None,
        "seed": 0,
    }
    return Request(**(usual | given))


def group(
    frame: pl.DataFrame,
    *,
    horizon: int | None = HORIZONS[-1],
    values: Mapping[str, float] = VALUES,
    assumptions: tuple[Assumption, ...] = (),
    log2_class_size: float = 6.0,
    theory: bool = True,
    **asked: Any,
) -> GroupDiagnosis:
    """The diagnosis of one group: decisions and fit are real, the theory's gaps are by hand.

    Args:
      frame: the trace rows of one group.
      horizon: the budget H of the decisions; None for their default.
      values: of every policy of the measurement.
      assumptions: that fail or cannot be checked.
      log2_class_size: d of the prediction.
      theory: whether there is a theory; never without lengths.
      asked: replaces what is usually asked of the decisions.
    """
    traces, pools, asking = Traces(frame), pools_of(frame), request(**asked)
    decisions = decide_group(pools, horizon, asking)
    fitted = fit(traces, HORIZONS).groups[0]
    known = theory and bool(fitted.horizon_fits) and decisions.horizon is not None
    return GroupDiagnosis(
        pools=pools,
        decisions=decisions,
        num_candidates=asking.num_candidates,
        allocations=tuple(
            allocations(pools, decisions.horizon, decisions.selection.counts, asking.seed)
        ),
        methods=diagnosed_methods(decisions),
        fit=fitted,
        theory=_theory(traces, frame, values, log2_class_size) if known else None,
        assumptions=assumptions,
        rows=traces.frame,
    )


def _theory(
    traces: Traces, frame: pl.DataFrame, values: Mapping[str, float], log2_class_size: float
) -> Theory:
    """What the theory says, with a phase that is real."""
    measured = measurement(frame, values)
    predicted = prediction(measured, log2_class_size)
    place = phase(
        traces,
        (measured.dataset, measured.model),
        HORIZONS[-1],
        DATA[-1],
        chi2_radius=1.0,
        log2_class_size=log2_class_size,
        coverage={0.1: 0.05, 0.5: 0.2, 0.9: 0.4},
    )
    return Theory(
        prediction=predicted,
        measurement=measured,
        phase=place,
        standing=standing(Statistic(log2_class_size, 3.0, 7.0))
        if math.isfinite(log2_class_size)
        else None,
        horizon=HORIZONS[-1],
        data_budget=DATA[-1],
    )


def standing(
    log2_class_size: Statistic = Statistic(5.0, 3.0, 7.0),  # noqa: B008
    bounds: Verdict | Literal["usual"] | None = "usual",
    game: Verdict | None = None,
    **changes: Any,
) -> GroupStanding:
    """A place whose numbers are known: three times the coverage moves the bounds."""
    usual = Verdict(
        side="cloning",
        lead=-math.log(3.0),
        margin=0.0,
        moves=(
            move("data_budget", 64.0),
            move("expert_sd", 16.0),
            move("coverage", 0.2, 3.0, "verifying"),
            move("log2_class_size", log2_class_size.estimate),
        ),
    )
    played = Verdict(
        side="verifying",
        lead=0.25,
        margin=0.01,
        moves=(
            move("data_budget", 64.0, 4.0, "neither"),
            move("horizon", 64.0),
            move("class_radius", 1.0, 0.5, "cloning"),
        ),
    )
    return GroupStanding(
        bounds=usual if bounds == "usual" else bounds,
        game=game or played,
        **{
            "cloning": 0.5,
            "verifying": 0.75,
            "intervals": {
                ("bounds", "coverage"): Statistic(3.0, 2.5, 4.0),
                ("game", "data_budget"): Statistic(4.0, 2.0, math.inf),
            },
            "agreement": {"bounds": 1.0, "game": 0.9},
            "log2_class_size": log2_class_size,
            "longest": 64,
            **changes,
        },
    )


def move(
    parameter: str, value: float, factor: float | None = None, becomes: Side | None = None
) -> Move:
    """What one parameter does; by default nothing."""
    return Move(
        parameter=parameter,
        value=value,
        at=None if factor is None else factor * value,
        becomes=becomes,
        converged=True,
        searched=(value / 16, value * 16),
        halved=0.0,
        doubled=0.0,
        elasticity=math.nan,
    )


def diagnosis(*groups: GroupDiagnosis, source: str = "traces.parquet") -> Diagnosis:
    """Several groups, what sets them apart, and one that was left out."""
    return Diagnosis(
        groups=groups,
        comparisons=tuple(compare([(found.pools, found.decisions) for found in groups], 0)),
        fit=Fit(tuple(found.fit for found in groups), (("d", "unverified", 7),), Grids(), 0),
        source=source,
        seed=0,
    )


def pass_at(n: int) -> float:
    """pass@N of the usual rows, by its formula."""
    shares = [1 - math.comb(8 - p % 9, n) / math.comb(8, n) for p in range(18)]
    return sum(shares) / 18


def vote_at(n: int) -> float:
    """The vote of the usual rows: c right samples agree, each wrong one has its own answer."""
    total = 0.0
    for c in (p % 9 for p in range(18)):
        sets = list(itertools.combinations(range(8), n))
        for chosen in sets:
            right = sum(sample < c for sample in chosen)
            total += (1.0 if right > 1 else right / n) / len(sets)
    return total / 18
