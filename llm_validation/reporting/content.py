"""A diagnosis as plain dictionaries and lists, ready for report.json and for the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.intervals import LEVEL, Statistic
from verigap.llm_validation.predicting.content import (
    cell_content,
    crossovers_content,
    statistic_content,
)
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.reporting.diagnosis import (
    VERIFY_POLICY,
    Diagnosis,
    GroupDiagnosis,
    percentiles,
)
from verigap.llm_validation.reporting.settling import Settling
from verigap.llm_validation.reporting.verdict import VERIFIERS, Verdict, Verifier
from verigap.llm_validation.reporting.wording import next_steps, verdict_sentence

FORMAT = "verigap diagnosis 1"
_SHOWN_PROMPTS = 5
_SHOWN_CHARACTERS = 2000


def diagnosis_content(
    diagnosis: Diagnosis,
    *,
    verifier: Verifier | None = None,
    include_text: bool = False,
) -> dict[str, Any]:
    """Everything a diagnosis says; numbers that are not known are NaN.

    Args:
      diagnosis: of a trace table.
      verifier: the one the user has; None reports both. `verdict`, `probability` and `reason` of a
        group are then by verifier, and `verifier` lists them.
      include_text: whether samples of the traces' text are shown.
    """
    statistics = as_content(diagnosis.fit, per_prompt=True)
    by_name = {(group["dataset"], group["model"]): group for group in statistics["groups"]}
    verifiers = VERIFIERS if verifier is None else (verifier,)
    return {
        "format": FORMAT,
        "version": version("verigap"),
        "source": diagnosis.source,
        "level": LEVEL,
        "seed": diagnosis.fit.seed,
        "groups": [
            _group(group, by_name[group.measurement.dataset, group.measurement.model], verifiers)
            | ({"examples": _examples(group.rows)} if include_text else {})
            for group in diagnosis.groups
        ],
        "left_out": statistics["left_out"],
    }


def _group(
    group: GroupDiagnosis, statistics: dict[str, Any], verifiers: Sequence[Verifier]
) -> dict[str, Any]:
    measured, prediction = group.measurement, group.prediction
    verdicts = [_verdict(group, verifier) for verifier in verifiers]
    alone = len(verdicts) == 1

    def of(key: str) -> Any:
        return verdicts[0][key] if alone else {row["verifier"]: row[key] for row in verdicts}

    at_horizon, at_data = group.target
    decided: list[tuple[Verifier, Verdict, Settling | None]] = [
        (name, group.verdict(name), group.settling(name)) for name in verifiers
    ]
    predicted = [cell_content(cell) for cell in prediction.cells]
    found = _measured(group)
    return {
        "dataset": measured.dataset,
        "model": measured.model,
        "unit": measured.unit,
        "verdict": of("verdict"),
        "probability": of("probability"),
        "reason": of("reason"),
        "verifier": verifiers[0] if alone else list(verifiers),
        "verdicts": verdicts,
        "target": {
            "horizon": measured.horizons[at_horizon],
            "data_budget": measured.data_budgets[at_data],
            "num_candidates": measured.num_candidates,
            "chi2_radius": measured.chi2_radius,
            "extrapolated": measured.extrapolated[at_horizon],
        },
        "prompts": len(measured.prompt_ids),
        "mixed": measured.mixed,
        "samples": measured.samples,
        "unverified": measured.unverified,
        "expert_share": measured.expert_share,
        "arms": {name: value._asdict() for name, value in group.measured.items()},
        "gap_predicted": predicted,
        "gap_measured": found,
        "comparison": _comparison(predicted, found, group.score.held_out),
        "prediction": _prediction(prediction),
        "prediction_score": _score(group),
        "phase": None if group.phase is None else dict(group.phase),
        "statistics": statistics,
        "most_to_gain": _most_to_gain(group),
        "warnings": _warnings(group),
        "assumptions": [assumption._asdict() for assumption in group.assumptions],
        "next_steps": next_steps(decided, group.assumptions, _worth_of_exact(group), measured.unit),
    }


def _verdict(group: GroupDiagnosis, verifier: Verifier) -> dict[str, Any]:
    measured = group.measurement
    found = group.verdict(verifier)
    gain = _gain(group, verifier)
    settling = group.settling(verifier)
    return {
        "verifier": verifier,
        "verdict": found.verdict,
        "probability": found.probability,
        "reason": found.reason,
        "sentence": verdict_sentence(
            found,
            verifier,
            gain,
            num_candidates=measured.num_candidates,
            unit=measured.unit,
            mixed=measured.mixed,
        ),
        "margin": found.margin,
        "gain": gain._asdict(),
        "probabilities": {name: event.probability for name, event in found.events.items()},
        "settling": None if settling is None else settling._asdict(),
    }


def _gain(group: GroupDiagnosis, verifier: Verifier) -> Statistic:
    """Value of verifying less the better of cloning and voting; NaN if one was not measured."""
    policies = (VERIFY_POLICY[verifier], "clone", "vote")
    if not {*policies} <= set(group.measured):
        return Statistic(*[float("nan")] * 3)
    arms = group.arms(verifier)
    verify, clone, vote = (group.measured[policy].estimate for policy in policies)
    draws = arms["verify"] - np.maximum(arms["clone"], arms["vote"])
    return Statistic(verify - max(clone, vote), *percentiles(draws))


def _worth_of_exact(group: GroupDiagnosis) -> Statistic | None:
    exact, learned = (group.measured.get(policy) for policy in VERIFY_POLICY.values())
    if exact is None or learned is None:
        return None
    draws = group.arms("exact")["verify"] - group.arms("learned")["verify"]
    return Statistic(exact.estimate - learned.estimate, *percentiles(draws))


def _measured(group: GroupDiagnosis) -> list[dict[str, Any]]:
    measured = group.measurement
    if not {"verify", "clone"} <= set(group.measured):
        return []
    leashed, unleashed = (
        measured.gap(leashed=on_leash, seed=group.seed) for on_leash in (True, False)
    )
    return [
        {
            "horizon": horizon,
            "data_budget": n,
            "extrapolated": beyond,
            "gap": leashed[horizon, n]._asdict(),
            "gap_unleashed": unleashed[horizon, n]._asdict(),
        }
        for horizon, beyond in zip(measured.horizons, measured.extrapolated, strict=True)
        for n in measured.data_budgets
    ]


def _score(group: GroupDiagnosis) -> dict[str, Any]:
    return {
        "prompts": group.score.prompts,
        "splits": group.score.splits,
        "held_out": [{"horizon": horizon, "data_budget": n} for horizon, n in group.score.held_out],
        "methods": [asdict(method) for method in group.score.methods],
    }


def _warnings(group: GroupDiagnosis) -> list[str]:
    """Warnings of every stage; stages name the same trouble alike up to the first colon.

    The measurement says best what it does to a verdict.
    """
    found: dict[str, str] = {}
    for stage in (group.measurement, group.fit, group.prediction):
        for warning in stage.warnings:
            found.setdefault(warning.partition(":")[0], warning)
    return list(found.values())


def _comparison(
    predicted: Sequence[Mapping[str, Any]],
    measured: Sequence[Mapping[str, Any]],
    held_out: Collection[tuple[int, int]],
) -> list[dict[str, Any]]:
    """The cells that were both predicted and measured, on the same leash."""
    expected = {(cell["horizon"], cell["data_budget"]): cell["gap"] for cell in predicted}
    return [
        {
            "horizon": at[0],
            "data_budget": at[1],
            "held_out": at in held_out,
            "predicted": expected[at],
            "measured": cell["gap"],
        }
        for cell in measured
        if (at := (cell["horizon"], cell["data_budget"])) in expected
    ]


def _prediction(prediction: GroupPrediction) -> dict[str, Any]:
    return {
        "predictor": prediction.predictor,
        "log2_class_size": statistic_content(prediction.log2_class_size),
        "class_size_source": prediction.class_size_source,
        "chi2_radius": prediction.chi2_radius,
        "num_candidates": prediction.num_candidates,
        "false_positive": prediction.false_positive,
        "false_negative": prediction.false_negative,
        "crossover_data_budget": crossovers_content(prediction.crossover_data_budget),
        "crossover_horizon": crossovers_content(prediction.crossover_horizon),
    }


def _most_to_gain(group: GroupDiagnosis) -> list[dict[str, Any]]:
    """Prompts on which an exact check adds most to the base, at the target."""
    if not {"base", "exact"} <= set(group.measured):
        return []
    measured = group.measurement
    tested = measured.tested
    each = {
        name: np.where(tested, measured.values[name][group.target], 0.0).sum(axis=0)
        / np.maximum(tested.sum(axis=0), 1)
        for name in group.measured
    }
    order = np.argsort(-(each["exact"] - each["base"]), kind="stable")[:_SHOWN_PROMPTS]
    return [
        {"prompt_id": measured.prompt_ids[row]}
        | {name: float(values[row]) for name, values in each.items()}
        for row in order
        if each["exact"][row] > each["base"][row]
    ]


def _examples(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """A correct and an incorrect sample of the first prompts that have both."""
    mixed = (
        rows.filter(pl.col("correct").is_not_null())
        .filter(pl.col("correct").n_unique().over("prompt_id") > 1)
        .group_by("prompt_id", "correct", maintain_order=True)
        .first()
        .sort("prompt_id", pl.col("correct").not_())
        .head(2 * _SHOWN_PROMPTS)
    )
    columns = ("prompt_id", "sample_id", "correct", "answer", "text")
    return [
        {
            name: value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in mixed.select(columns).to_dicts()
    ]
