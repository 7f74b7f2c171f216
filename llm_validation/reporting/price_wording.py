"""What the arms of a decision take and cost, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.deciding import training
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.deciding.rule import Decision
from verigap.llm_validation.reporting.numbers import number
from verigap.llm_validation.reporting.wording import arm_name


def selecting_price(
    decision: Decision, rows: Sequence[Mapping[str, Any]], num_candidates: int, unit: str
) -> str:
    """What the chosen arm of selection takes a prompt, or each arm that a decision is open between.

    Args:
      decision: how to select.
      rows: the table of arms at N, one sample first.
      num_candidates: N.
      unit: of lengths.
    """
    by_arm = {row["arm"]: row for row in rows}
    if decision.arm in by_arm:
        row = by_arm[decision.arm]
        return _capital(f"it {_takes(row, by_arm['single'], num_candidates, unit)}.")
    if decision.reason == "open":
        asked = [by_arm[arm] for arm in (decision.best_plain, decision.contender) if arm]
        return " ".join(
            _capital(f"{row['name']} {_takes(row, None, num_candidates, unit)}.") for row in asked
        )
    if num_candidates == 1:
        return ""
    taken = (_spent(by_arm["single"], 1, unit), _spent(by_arm["exact"], num_candidates, unit))
    return f"One sample takes {taken[0]} a prompt, {num_candidates:,} samples take {taken[1]}."


def _takes(
    row: Mapping[str, Any], single: Mapping[str, Any] | None, num_candidates: int, unit: str
) -> str:
    """What one arm takes a prompt and once; beside what one sample takes, if that is given."""
    text = f"takes {_spent(row, num_candidates, unit)} a prompt"
    if single is not None and row["arm"] != "single" and _known(row["sampled"]):
        text += f", where one sample takes {number(single['sampled'])}"
    if _known(row["cost"]):
        text += f", and costs {number(row['cost'])} a prompt"
    if row["labels"]:
        text += f"; its score is learned from {row['labels']:,} labelled samples"
        if _known(row["cost_once"]):
            text += f", for {number(row['cost_once'])} once"
    return text


def _spent(row: Mapping[str, Any], num_candidates: int, unit: str) -> str:
    """Tokens of an arm, or its samples where lengths are not known."""
    if _known(row["sampled"]):
        return f"{number(row['sampled'])} {unit}"
    return "one sample" if row["arm"] == "single" else f"{num_candidates:,} samples"


def training_price(
    decision: Decision,
    costs: Mapping[str, float],
    prices: Prices,
    data_budget: int,
    sampled: float,
    unit: str,
) -> str:
    """What the traces of the chosen policy take, or of the one that a decision is open about.

    Args:
      decision: what to train.
      costs: of the traces, by trained arm; NaN where nothing of them has a price.
      prices: that were given.
      data_budget: n.
      sampled: tokens of n traces; NaN where lengths are not known.
      unit: of lengths.
    """
    arm = decision.arm if decision.arm in training.ARMS else decision.contender
    if arm in training.UNTRAINED:
        return ""
    tokens = f", {number(sampled)} {unit}" if _known(sampled) else ""
    if not arm:
        return (
            f"Training takes {data_budget:,} traces{tokens}; all but an expert's need a label each."
        )
    # While it is open, the traces are those of an arm that is not advised.
    open_ = decision.arm not in training.ARMS
    need = "are an expert's" if arm == "clone" else "need a label each"
    text = f"{'The' if open_ else 'Its'} {data_budget:,} traces"
    if open_:
        text += f" of {arm_name(arm, 1)}"
    text += f" {need}{tokens}"
    if _known(costs[arm]):
        unpriced = prices.label_cost is None and arm != "clone"
        text += f", and cost {number(costs[arm])} once{' without their labels' * unpriced}"
    return f"{text}; a trained policy then takes one sample a prompt."


def _known(value: float) -> bool:
    return value == value


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
