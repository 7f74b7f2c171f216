"""What to do next, most useful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.numbers import number


def next_steps(
    currency: str,
    select: Mapping[str, Any],
    train: Mapping[str, Any] | None,
    spending: Mapping[str, Any],
    assumptions: Sequence[Assumption],
) -> list[str]:
    """Steps in plain sentences.

    Args:
      currency: of the first screen.
      select: how to select, of the content of a group.
      train: what to train, likewise; None with one prompt.
      spending: accuracy against what is spent, likewise.
      assumptions: that fail or cannot be checked.
    """
    steps = [row["sentence"] for row in select["falls"]]
    check = select["check"]
    if check["gain"]["low"] > 0:
        steps.append(check["sentence"])
        steps += _worth(check, select["num_candidates"])
    for named, table in (("Selecting", select), ("Training", train)):
        if table is not None and table["decision"][currency]["settling"]:
            steps.append(f"{named}: {table['decision'][currency]['settling']}")
    steps += _short_budgets(spending)
    steps += [assumption.remedy for assumption in assumptions if assumption.remedy]
    return list(dict.fromkeys(steps))


def _worth(check: Mapping[str, Any], n: int) -> list[str]:
    """What one check may cost, from what else would buy the same accuracy."""
    same = check["same_accuracy"]
    if same is None:
        return [
            f"No arm without a check reaches that accuracy with the samples there are, so what a "
            f"check of {n} may cost is what those points are worth to you."
        ]
    if same["tokens_a_check"] != same["tokens_a_check"]:
        return []
    return [
        f"The same accuracy takes {same['num_candidates']} samples without a check: one check may "
        f"cost as much as {number(same['tokens_a_check'])} tokens of sampling."
    ]


def _short_budgets(spending: Mapping[str, Any]) -> list[str]:
    """Whether a shorter budget is among the allocations that no cheaper one matches."""
    best = spending["frontier"]["without_check"]
    if not best:
        return []
    last = best[-1]
    cheaper = [
        row
        for row in best
        if row["horizon"] != last["horizon"] and row["accuracy"] >= 0.98 * last["accuracy"]
    ]
    if not cheaper or not last["accuracy"]:
        return []
    row = cheaper[0]
    return [
        f"Stopping samples at {row['horizon']:,}, {row['name']} with N = {row['num_candidates']} "
        f"gives {number(100 * row['accuracy'])} % for "
        f"{number(row['tokens'])} tokens a prompt, where {number(100 * last['accuracy'])} % takes "
        f"{number(last['tokens'])}."
    ]
