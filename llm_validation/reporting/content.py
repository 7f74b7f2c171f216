"""A diagnosis as plain dictionaries and lists, ready for report.json and for the page."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import polars as pl

from verigap.llm_validation.deciding.comparison import Comparison
from verigap.llm_validation.deciding.decisions import Verifier
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.intervals import LEVEL
from verigap.llm_validation.reporting.decision_content import (
    prompts_content,
    selection_content,
    spending_content,
    training_content,
)
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis
from verigap.llm_validation.reporting.steps import next_steps
from verigap.llm_validation.reporting.theory_content import theory_content
from verigap.llm_validation.reporting.wording import ARMS

FORMAT = "verigap diagnosis 2"
_SHOWN_SAMPLES = 2
_SHOWN_CHARACTERS = 2000


def diagnosis_content(
    diagnosis: Diagnosis,
    *,
    currency: str = "accuracy",
    verifier: Verifier | None = None,
    prices: Prices | None = None,
    spend: float | None = None,
    include_text: bool = False,
) -> dict[str, Any]:
    """Everything a diagnosis says; numbers that are not known are NaN.

    Args:
      diagnosis: of a trace table.
      currency: the one that the first screen is in, "accuracy" or "return"; both are there.
      verifier: the one the user has; None decides among all arms but the exact check.
      prices: what tokens, checks and labels cost.
      spend: the most that a prompt may cost: in money where a price was given, else in tokens.
      include_text: whether samples of the traces' text are shown.

    Example:
      >>> from verigap.llm_validation.fitting.counts import first_samples
      >>> from verigap.llm_validation.reporting.content import diagnosis_content
      >>> from verigap.llm_validation.reporting.diagnose import diagnose
      >>> from verigap.llm_validation import read_traces
      >>> traces = first_samples(read_traces("examples/smollm2_products.parquet"), 4)
      >>> content = diagnosis_content(diagnose(traces, [64], [16]), verifier="exact")
      >>> [row["verifier"] for row in content["groups"][0]["verdicts"]]
      ['exact']
    """
    statistics = as_content(diagnosis.fit, per_prompt=True)
    by_name = {(group["dataset"], group["model"]): group for group in statistics["groups"]}
    asked = (currency, verifier, prices or Prices(), spend)
    return {
        "format": FORMAT,
        "version": version("verigap"),
        "source": diagnosis.source,
        "level": LEVEL,
        "seed": diagnosis.seed,
        "currency": currency,
        "verifier": verifier,
        "groups": [
            _group(group, by_name[group.pools.dataset, group.pools.model], *asked)
            | ({"examples": _examples(group.rows)} if include_text else {})
            for group in diagnosis.groups
        ],
        "comparisons": [_comparison(row) for row in diagnosis.comparisons],
        "left_out": statistics["left_out"],
    }


def _group(
    group: GroupDiagnosis,
    statistics: dict[str, Any],
    currency: str,
    verifier: Verifier | None,
    prices: Prices,
    spend: float | None,
) -> dict[str, Any]:
    decisions, pools = group.decisions, group.pools
    kinds = decisions.by_currency["accuracy"].by_verifier
    known = verifier if verifier is None or verifier in kinds else None
    select = selection_content(decisions, known, prices)
    train = training_content(decisions, prices)
    shown = currency if currency in decisions.by_currency else "accuracy"
    spending = spending_content(group.allocations, prices, spend)
    return {
        "dataset": pools.dataset,
        "model": pools.model,
        "unit": pools.unit,
        "currency": shown,
        "budget": {"horizon": decisions.horizon, "source": decisions.horizon_source},
        "prompts": pools.prompts,
        "samples": int(pools.sizes.sum()),
        "ungraded": pools.unverified,
        "mixed": pools.mixed,
        "mean_length": decisions.selection.length,
        "verifier": known,
        "select": select,
        "train": train,
        "spending": spending,
        "difficulty": prompts_content(decisions, pools.prompt_ids),
        "theory": None if group.theory is None else theory_content(group.theory, decisions.seed),
        "statistics": statistics,
        "warnings": _warnings(group, currency, verifier),
        "assumptions": [assumption._asdict() for assumption in group.assumptions],
        "next_steps": next_steps(shown, select, train, spending, group.assumptions),
    }


def _warnings(group: GroupDiagnosis, currency: str, verifier: Verifier | None) -> list[str]:
    """What a reader must know; stages name the same trouble alike up to the first colon."""
    decisions, pools = group.decisions, group.pools
    found = []
    if currency not in decisions.by_currency:
        found.append(
            "no lengths are known: there are no returns, and the decisions are in accuracy"
        )
    if verifier is not None and verifier not in decisions.by_currency["accuracy"].by_verifier:
        found.append(
            f"no verifier of the kind {verifier}: the table has no verifier_score, or nothing to "
            "learn from"
        )
    selection = decisions.selection
    if selection.left_out:
        found.append(
            f"{selection.left_out} of {pools.prompts} prompts have fewer than "
            f"{selection.counts[-1]} samples and are left out of the selection among samples"
        )
    if selection.unconverged:
        found.append(
            f"{selection.unconverged} of {selection.fits} fits of the learned score did not "
            "converge; its values are rough"
        )
    training = decisions.training
    if training is not None and training.unconverged:
        found.append(
            f"{training.unconverged} of {training.fits} fits of trained policies did not converge; "
            "their values are rough"
        )
    if pools.left_out:
        found.append(f"{pools.left_out} prompts without a graded sample were left out")
    stages = [group.fit.warnings]
    if group.theory is not None:
        stages = [group.theory.measurement.warnings, *stages, group.theory.prediction.warnings]
    named: dict[str, str] = {}
    for warning in (*found, *group.fit.counts.open_questions, *(w for s in stages for w in s)):
        named.setdefault(warning.partition(":")[0], warning)
    return list(named.values())


def _comparison(row: Comparison) -> dict[str, Any]:
    return {
        "dataset": row.dataset,
        "model": row.model,
        "other": row.other,
        "prompts": row.prompts,
        "num_candidates": row.num_candidates,
        "differences": [
            {"arm": arm, "name": ARMS[arm]} | value._asdict()
            for arm, value in row.differences.items()
        ],
    }


def _examples(rows: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Two samples of each prompt, of either outcome where there are both; by prompt."""
    columns = ("sample_id", "correct", "answer", "text")
    chosen = (
        rows.filter(pl.col("correct").is_not_null())
        .with_columns(place=pl.int_range(pl.len()).over("prompt_id", "correct"))
        .sort("prompt_id", "place", "correct", "sample_id")
        .group_by("prompt_id", maintain_order=True)
        .head(_SHOWN_SAMPLES)
    )
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in chosen.select("prompt_id", *columns).iter_rows(named=True):
        sample = {name: _cut(row[name]) for name in columns}
        shown.setdefault(row["prompt_id"], []).append(sample)
    return shown


def _cut(value: Any) -> Any:
    return value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value
