"""What to do next, most useful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.numbers import number, percent
from verigap.llm_validation.reporting.wording import arm_name, points

# A cheaper allocation that keeps this share of the accuracy is worth a word.
_NEARLY = 0.98


def next_steps(
    select: Mapping[str, Any],
    spending: Mapping[str, Any],
    assumptions: Sequence[Assumption],
    *,
    horizon: int | None,
    unit: str,
) -> list[str]:
    """Steps in plain sentences, beside those that would settle an open decision.

    Args:
      select: how to select, of the content of a group.
      spending: accuracy against what is spent, likewise.
      assumptions: that fail or cannot be checked.
      horizon: the budget H; None where no lengths are known.
      unit: of lengths.
    """
    steps = _check(select, unit)
    steps += _short_budgets(spending, horizon, unit)
    steps += [assumption.remedy for assumption in assumptions if assumption.remedy]
    return list(dict.fromkeys(steps))


def _check(select: Mapping[str, Any], unit: str) -> list[str]:
    """Whether to check answers, and what one check may cost."""
    check, n = select["check"]["by_currency"]["accuracy"], select["num_candidates"]
    margin = select["decision"]["accuracy"]["margin"]
    if not (check["gain"]["low"] > 0 and check["gain"]["estimate"] > margin):
        return []
    gain = points(Statistic(**check["gain"]))
    steps = [
        "If answers can be checked exactly (by tests, a proof checker, a known result), check "
        f"them: with {n:,} samples that adds {gain} beyond {arm_name(check['beyond'], n)}."
    ]
    same = select["check"]["same_accuracy"]
    if same is None:
        return [
            f"{steps[0]} No arm without a check gets as far with the samples there are, so a check "
            "may cost what those points are worth to you."
        ]
    if same["length_a_check"] != same["length_a_check"]:
        return steps
    return [
        f"{steps[0]} Without a check the same accuracy takes {same['num_candidates']:,} samples, "
        f"so one check may cost as much as {number(same['length_a_check'])} {unit} of sampling."
    ]


def _short_budgets(spending: Mapping[str, Any], horizon: int | None, unit: str) -> list[str]:
    """Whether samples that are stopped early serve as well."""
    best = spending["frontier"]["without_check"]
    if not best or not best[-1]["accuracy"]:
        return []
    last = best[-1]
    short = [
        row
        for row in best
        if row["horizon"] != horizon and row["accuracy"] >= _NEARLY * last["accuracy"]
    ]
    if not short:
        return []
    row = short[0]
    text = (
        f"Samples may be stopped at {row['horizon']:,} {unit}: {row['name']} is "
        f"then right on {percent(row['accuracy'])} for "
        f"{number(row['sampled'])} {unit} a prompt"
    )
    if row is last:
        return [f"{text}, no less than any arm without a check reaches with whole samples."]
    return [
        f"{text}, where {percent(last['accuracy'])}, the most without a check, takes "
        f"{number(last['sampled'])}."
    ]
