"""A diagnosis as plain dictionaries and lists, ready for report.json and for the page."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import polars as pl

from verigap.llm_validation.deciding.comparison import Comparison
from verigap.llm_validation.deciding.decisions import Verifier
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.intervals import LEVEL
from verigap.llm_validation.reporting.decision_content import selection_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis
from verigap.llm_validation.reporting.methods_content import methods_content
from verigap.llm_validation.reporting.notes import notes
from verigap.llm_validation.reporting.prompts_content import prompts_content
from verigap.llm_validation.reporting.spending_content import spending_content
from verigap.llm_validation.reporting.steps import next_steps
from verigap.llm_validation.reporting.theory_content import theory_content
from verigap.llm_validation.reporting.training_content import training_content
from verigap.llm_validation.reporting.wording import ARMS, arm_name, points
from verigap.storage.provenance import without_folders

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
      >>> from verigap.llm_validation.reporting.content import diagnosis_content
      >>> from verigap.llm_validation.reporting.diagnose import diagnose
      >>> from verigap.llm_validation import read_traces
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> content = diagnosis_content(diagnose(traces, [64], [16, 64]), verifier="exact")
      >>> content["groups"][0]["select"]["decision"]["accuracy"]["reason"]
      'gains'
    """
    statistics = as_content(diagnosis.fit, per_prompt=True)
    by_name = {(group["dataset"], group["model"]): group for group in statistics["groups"]}
    prices = prices or Prices()
    asked = (currency, verifier, prices, spend)
    return {
        "format": FORMAT,
        "version": version("verigap"),
        "source": without_folders(diagnosis.source),
        "level": LEVEL,
        "seed": diagnosis.seed,
        "currency": currency,
        "verifier": verifier,
        "prices": {name: price for name, price in asdict(prices).items() if price is not None},
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
    spending = spending_content(group.allocations, prices, spend, known)
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
        "methods": methods_content(group.methods, pools.unit, known),
        "difficulty": prompts_content(decisions, pools.prompt_ids),
        "theory": None if group.theory is None else theory_content(group, group.theory),
        "statistics": statistics,
        "warnings": notes(
            group,
            currency=currency,
            verifier=verifier,
            prices=prices,
            spend_unknown=spend is not None and spending["within"] is None,
        ),
        "assumptions": [assumption._asdict() for assumption in group.assumptions],
        "next_steps": next_steps(
            select,
            spending,
            group.assumptions,
            horizon=decisions.horizon,
            unit=pools.unit,
        ),
    }


def _comparison(row: Comparison) -> dict[str, Any]:
    return {
        "dataset": row.dataset,
        "model": row.model,
        "other": row.other,
        "prompts": row.prompts,
        "num_candidates": row.num_candidates,
        "horizon": row.horizon,
        "units": list(row.units),
        "at": _common_budget(row),
        "sentence": _compared(row),
        "differences": [
            {"arm": arm, "name": ARMS[arm]} | value._asdict()
            for arm, value in row.differences.items()
        ],
    }


def _common_budget(row: Comparison) -> str:
    """The budget at which both groups are compared, in words."""
    if row.horizon is None:
        return "whole samples"
    if row.units[0] != row.units[1]:
        return f"none in common: lengths in {row.units[0]} and in {row.units[1]}"
    return f"{row.horizon:,} {row.units[0]}"


def _compared(row: Comparison) -> str:
    """What one group adds to the other, in words."""
    if not row.differences:
        first, second = row.units
        return f"Not compared: lengths in {first} and in {second} have no H in common."
    at = "Of whole samples" if row.horizon is None else f"At H = {_common_budget(row)}"
    found = "; ".join(
        f"{arm_name(arm, row.num_candidates)}: {points(value)}"
        for arm, value in row.differences.items()
    )
    return f"{at}, accuracy on {row.prompts:,} prompts that both have, first less second: {found}."


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
