"""How much more data would settle an open verdict, if the estimates stay where they are."""

from __future__ import annotations

import math
from typing import NamedTuple

from verigap.llm_validation.reporting.verdict import ARMS, FEWEST_MIXED, Verdict

# Beyond this many times the prompts, the extrapolated spread is no guide to anything.
_REACH = 100.0


class Settling(NamedTuple):
    """What would settle a verdict.

    Attributes:
      prompts: prompts in all, today's included; None where no number can be named.
      towards: the verdict it would then be, "" where that is open.
      text: one or two plain sentences.
    """

    prompts: int | None
    towards: str
    text: str


def what_would_settle(verdict: Verdict, prompts: int, mixed: int, within: float) -> Settling | None:
    """Prompts that would bring a statement to probability 0.9; None for a settled verdict.

    The draws' spread shrinks like one over the root of the number of prompts, and the arms' means
    are taken to stay: a statement with excess a > 0 at the means and 10 % quantile q < 0 then needs
    ((a - q)/a)^2 times the prompts. Samples per prompt only shrink the share of the variance that
    is noise within prompts, so however many there are, they save no more than that share of the
    prompts.

    Args:
      verdict: the verdict.
      prompts: prompts it rests on, at least 1.
      mixed: those with both correct and incorrect samples.
      within: share in [0, 1] of the variance between prompts' means that is noise within prompts,
        measured on the base; NaN where unknown.
    """
    if verdict.verdict != "undecided":
        return None
    if verdict.reason == "not_measured":
        return Settling(None, "", "An arm could not be measured; see the warnings.")
    if verdict.reason == "too_few":
        return _more_mixed(prompts, mixed)
    names = ("headroom",) if verdict.reason == "no_headroom" else ARMS[1:]
    needs = {
        name: _factor(event.excess, event.low)
        for name in names
        if (event := verdict.events[name]).excess > 0
    }
    if not needs:
        return Settling(
            None,
            "",
            "At the estimates no arm beats the base by the margin: more prompts of this kind would "
            "only confirm that. More traces to learn from, more candidates or other prompts could "
            "change it.",
        )
    name = min(needs, key=lambda key: needs[key])
    if needs[name] > _REACH:
        return Settling(
            None,
            "",
            f"The estimate is so close to the line that even {_REACH:g} times the prompts would "
            "not be expected to settle it.",
        )
    wanted = math.ceil(prompts * needs[name])
    towards = "" if name == "headroom" else name
    outcome = (
        "to show that some arm beats the base by the margin"
        if name == "headroom"
        else f"for the verdict {name}"
    )
    return Settling(
        wanted,
        towards,
        f"About {wanted:,} prompts in all ({wanted - prompts:,} more) would be needed {outcome}, "
        "if the estimates stay where they are and their spread shrinks like 1/sqrt(prompts). "
        + _samples(within),
    )


def _samples(within: float) -> str:
    if not math.isfinite(within):
        return "What more samples per prompt would do instead is not known."
    return (
        f"More samples per prompt could save at most {within * 100:.0f} % of these prompts, the "
        "share of the variance of the base's returns that is noise within prompts."
    )


def _more_mixed(prompts: int, mixed: int) -> Settling:
    if mixed == 0:
        return Settling(
            None,
            "",
            f"None of {prompts:,} prompts has both correct and incorrect samples, so nothing tells "
            "the arms apart. More samples per prompt, or prompts that are solved sometimes, are "
            f"needed: at least {FEWEST_MIXED} mixed prompts.",
        )
    wanted = math.ceil(prompts * FEWEST_MIXED / mixed)
    return Settling(
        wanted,
        "",
        f"{mixed} of {prompts:,} prompts have both correct and incorrect samples; the rule wants "
        f"{FEWEST_MIXED}. At this rate that takes about {wanted:,} prompts in all"
        + ("; more samples per prompt also turn some prompts mixed." if mixed < prompts else "."),
    )


def _factor(excess: float, low: float) -> float:
    """How many times the prompts bring the 10 % quantile of the excess to 0."""
    return max(1.0, (excess - low) / excess) ** 2
