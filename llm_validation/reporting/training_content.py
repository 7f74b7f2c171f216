"""What to train for one group, as plain dictionaries and lists."""

from __future__ import annotations

from typing import Any

from verigap.llm_validation.deciding import training
from verigap.llm_validation.deciding.decisions import GroupDecisions
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.reporting.decision_content import NOTHING, decision_content
from verigap.llm_validation.reporting.price_wording import training_price
from verigap.llm_validation.reporting.wording import ARMS, Scale


def training_content(group: GroupDecisions, prices: Prices) -> dict[str, Any] | None:
    """What to train: the decision, and every policy at every n and leash; None for one prompt.

    Args:
      group: both decisions of a group.
      prices: of tokens and labels.
    """
    found = group.training
    if found is None:
        return None
    unit, length = group.outcomes.unit, group.selection.length
    sampled = group.data_budget * length
    cost = {
        arm: prices.of_training(group.data_budget, length, labelled=arm != "clone")
        for arm in training.TRAINED
    }
    tables: dict[str, Any] = {}
    for currency, here in group.by_currency.items():
        joint, choice = here.trained, here.train
        if joint is None or choice is None:
            continue
        tables[currency] = decision_content(
            choice,
            joint,
            Scale(currency=currency, unit=unit),
            training.UNTRAINED,
            training.TRAINED,
            num_candidates=group.num_candidates,
            data_budget=group.data_budget,
            prompts=len(group.outcomes.mask),
        )
        tables[currency]["price"] = training_price(
            choice, cost, prices, group.data_budget, sampled, unit
        )
    return {
        "decision": tables,
        "data_budget": group.data_budget,
        "data_budgets": list(found.data_budgets),
        **found.leashes[0].radii,
        "leashes": [str(leash) for leash in found.leashes],
        "num_candidates": found.num_candidates,
        "rows": _training_rows(group),
        "voted": _voted(group),
        "expert": {currency: float(each.mean()) for currency, each in found.expert.items()},
        "solved": found.solved,
        "kept": found.kept,
        "sampled": sampled,
        "priced": any(each == each for each in cost.values()),
        "cost": cost,
    }


def _training_rows(group: GroupDecisions) -> list[dict[str, Any]]:
    """Accuracy and return, and gains over the base, by leash, n and arm."""
    found = group.training
    rows: list[dict[str, Any]] = []
    if found is None:
        return rows
    for place, leash in enumerate(found.leashes):
        for which, n in enumerate(found.data_budgets):
            joints = {
                currency: JointMeans.of(
                    {arm: table[which] for arm, table in found.values[currency][place].items()},
                    shifts={
                        arm: each[which] for arm, each in found.shifts[currency][place].items()
                    },
                    most=group.outcomes.scale(currency),
                    seed=group.seed,
                )
                for currency in found.values
            }
            accuracy, returns = joints["accuracy"], joints.get("return")
            rows += [
                {
                    "leash": str(leash),
                    "data_budget": n,
                    "arm": arm,
                    "name": ARMS[arm],
                    "accuracy": accuracy.value(arm)._asdict(),
                    "gain": _beyond_base(accuracy, arm),
                    "return": (NOTHING if returns is None else returns.value(arm))._asdict(),
                    "return_gain": _beyond_base(returns, arm),
                }
                for arm in training.ARMS
            ]
    return rows


def _beyond_base(joint: JointMeans | None, arm: str) -> dict[str, float]:
    """What an arm earns beyond the base; nothing for the base itself."""
    if joint is None or arm == "base":
        return NOTHING._asdict()
    return joint.difference(arm, "base")._asdict()


def _voted(group: GroupDecisions) -> list[dict[str, Any]]:
    """Each policy followed by a vote over N of its samples."""
    found = group.training
    if found is None or "accuracy" not in found.voted:
        return []
    values = found.voted["accuracy"]
    shifts = found.voted_shifts["accuracy"]
    joint = JointMeans.of(values, shifts=shifts, most=1.0, seed=group.seed)
    return [
        {
            "arm": arm,
            "name": ARMS[arm],
            "accuracy": joint.value(arm)._asdict(),
            "gain": _beyond_base(joint, arm),
        }
        for arm in values
    ]
