"""How to select among the samples of one group, as plain dictionaries and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.deciding import selection as selecting
from verigap.llm_validation.deciding.decisions import (
    GroupDecisions,
    InCurrency,
    Verifier,
    arms_of,
    shortness_share,
)
from verigap.llm_validation.deciding.erring_check import Tolerance
from verigap.llm_validation.deciding.falling import Fall, falls
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import Currency
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.deciding.rule import Decision
from verigap.llm_validation.deciding.settling import flips_at, what_would_settle
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.price_wording import selecting_price
from verigap.llm_validation.reporting.wording import (
    ARMS,
    Scale,
    arm_name,
    check_sentence,
    currency_sentence,
    decision_sentence,
    flips_sentence,
    settling_sentence,
)
from verigap.storage.units import LengthUnit

NOTHING = Statistic(*[float("nan")] * 3)


def selection_content(
    group: GroupDecisions, verifier: Verifier | None, prices: Prices
) -> dict[str, Any]:
    """How to select among N samples: the decision, every arm, and accuracy against N.

    Args:
      group: both decisions of a group.
      verifier: the one that the user has; None decides among all arms but the exact check.
      prices: of tokens and checks.
    """
    unit, n = group.outcomes.unit, group.num_candidates
    accuracy = group.by_currency["accuracy"]
    rows = [_arm(group, arm, prices) for arm in group.selection.values["accuracy"]]

    def selected(kind: Verifier | None) -> dict[str, Any]:
        return {currency: _selected(group, currency, kind, rows) for currency in group.by_currency}

    return {
        "decision": selected(verifier),
        "by_verifier": {kind: selected(kind) for kind in accuracy.by_verifier},
        "why_different": _why_different(group, verifier),
        "num_candidates": n,
        "prompts": len(group.selection.prompts),
        "left_out": group.selection.left_out,
        "mixed": group.selection.mixed,
        "labels": group.selection.labels,
        "arms": rows,
        "counts": list(group.selection.counts),
        "curves": {currency: _curves(here) for currency, here in group.by_currency.items()},
        "falls": [
            {
                "arm": fall.arm,
                "peak": fall.peak,
                "last": fall.last,
                "at_peak": fall.at_peak._asdict(),
                "at_last": fall.at_last._asdict(),
                "beyond_single": fall.below_single._asdict(),
                "sentence": _fall_sentence(fall, unit),
            }
            for fall in falls(accuracy.at, accuracy.margin.value)
        ],
        "check": _check(group, verifier),
    }


def _selected(
    group: GroupDecisions,
    currency: Currency,
    verifier: Verifier | None,
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    here = group.by_currency[currency]
    decision = here.select if verifier is None else here.by_verifier[verifier]
    plain, others = arms_of(here.at[group.num_candidates], verifier)
    found = decision_content(
        decision,
        here.at[group.num_candidates],
        Scale(currency=currency, unit=group.outcomes.unit),
        plain,
        others,
        num_candidates=group.num_candidates,
        data_budget=group.selection.labels,
        prompts=len(group.selection.prompts),
    )
    found["price"] = selecting_price(decision, rows, group.num_candidates, group.outcomes.unit)
    if group.num_candidates > 1 or decision.reason == "no_room":
        return found
    kind = "sample" if (group.outcomes.sizes == 1).all() else "candidate"
    return found | {
        "sentence": f"Undecided: with one {kind} a prompt there is nothing to select among.",
        "settling": f"Two {kind}s a prompt at least, and better 8, would show it.",
        "settling_prompts": None,
    }


def decision_content(
    decision: Decision,
    joint: JointMeans,
    scale: Scale,
    plain: Sequence[str],
    others: Sequence[str],
    *,
    num_candidates: int,
    data_budget: int,
    prompts: int,
) -> dict[str, Any]:
    """One decision, with its sentence and what would settle it."""
    settling = what_would_settle(decision, joint, plain, others, prompts)
    flips = flips_at(decision, joint, plain, others)
    return {
        "arm": decision.arm,
        "reason": decision.reason,
        "probability": decision.probability,
        "margin": decision.margin.value,
        "margin_source": decision.margin.source,
        "best_plain": decision.best_plain,
        "best_other": decision.best_other,
        "contender": decision.contender,
        "gain": decision.gain._asdict(),
        "sentence": decision_sentence(
            decision,
            joint,
            scale,
            floor=plain[0],
            num_candidates=num_candidates,
            data_budget=data_budget,
        ),
        "flips_at": flips,
        "flips": flips_sentence(decision, flips, scale, prompts),
        "settling": settling_sentence(settling, prompts, num_candidates),
        "settling_prompts": None if settling is None else settling.prompts,
    }


def _why_different(group: GroupDecisions, verifier: Verifier | None) -> str:
    if "return" not in group.by_currency:
        return ""
    accuracy, returns = (
        here.select if verifier is None else here.by_verifier[verifier]
        for here in (group.by_currency["accuracy"], group.by_currency["return"])
    )
    arm = returns.arm if returns.arm != "undecided" else returns.contender
    other = accuracy.arm if accuracy.arm not in ("undecided", arm) else "single"
    share = float("nan")
    if arm and arm != other and _earns_more(group, arm, other):
        share = shortness_share(group, arm, other)
    n = group.num_candidates
    trained = " (learned for returns)" if arm in selecting.BY_LEARNED else ""
    about = f"{arm_name(arm, n)}{trained} earns beyond {arm_name(other, n)}"
    return currency_sentence(accuracy, returns, group.outcomes.unit, n, share, about)


def _earns_more(group: GroupDecisions, arm: str, other: str) -> bool:
    """Whether an arm earns more than another in returns, at N."""
    means = group.by_currency["return"].at[group.num_candidates].means
    return means[arm] > means[other]


def _arm(group: GroupDecisions, arm: str, prices: Prices) -> dict[str, Any]:
    """One row of the table of arms, at N."""
    n = 1 if arm == "single" else group.num_candidates
    accuracy = group.by_currency["accuracy"].at[group.num_candidates]
    returns = group.by_currency.get("return")
    length = group.selection.length
    learned = arm in selecting.BY_LEARNED
    return {
        "arm": arm,
        "name": arm_name(arm, group.num_candidates),
        "accuracy": accuracy.value(arm)._asdict(),
        "beyond_single": (
            NOTHING if arm == "single" else accuracy.difference(arm, "single")
        )._asdict(),
        "return": (
            NOTHING if returns is None else returns.at[group.num_candidates].value(arm)
        )._asdict(),
        "sampled": n * length,
        "labels": group.selection.labels if learned else 0,
        "cost": prices.per_prompt(n, length, checked=n if arm == "exact" else 0),
        "cost_once": prices.of_labels(group.selection.labels if learned else 0),
    }


def _curves(here: InCurrency) -> dict[str, list[dict[str, float]]]:
    """Every arm at every N."""
    names = next(iter(here.at.values())).means
    return {arm: [joint.value(arm)._asdict() for joint in here.at.values()] for arm in names}


def _fall_sentence(fall: Fall, unit: LengthUnit) -> str:
    scale = Scale(currency="accuracy", unit=unit)
    name = f"{ARMS[fall.arm][0].upper()}{ARMS[fall.arm][1:]}"
    peak = "is never better than one sample" if fall.peak == 1 else f"peaks at N = {fall.peak}"
    text = (
        f"{name} {peak} ({scale.value(fall.at_peak)}) and falls to "
        f"{scale.value(fall.at_last)} at N = {fall.last}"
    )
    if fall.below_single.high < 0:
        text += f", {scale.gain(_minus(fall.below_single))} below one random sample"
    return f"{text}: do not use it with N = {fall.last}."


def _minus(value: Statistic) -> Statistic:
    return Statistic(-value.estimate, -value.high, -value.low)


def _check(group: GroupDecisions, verifier: Verifier | None) -> dict[str, Any]:
    """What an exact check is worth by currency, and in accuracy how much it may err."""
    tolerance = group.tolerance(verifier)
    return {
        "by_currency": {
            currency: _check_gain(group, currency, verifier, tolerance)
            for currency in group.by_currency
        },
        "false_positive": tolerance.false_positive,
        "false_negative": tolerance.false_negative,
        "same_accuracy": _same_accuracy(group, verifier),
        "roc": {
            name: {
                "area": curve.area,
                "false_positive": curve.false_positive.tolist(),
                "false_negative": curve.false_negative.tolist(),
            }
            for name, curve in group.selection.roc.items()
        },
    }


def _check_gain(
    group: GroupDecisions, currency: Currency, verifier: Verifier | None, tolerance: Tolerance
) -> dict[str, Any]:
    """What an exact check adds to the best arm without one."""
    n = group.num_candidates
    best = group.best_without_check(currency, verifier)
    gain = group.by_currency[currency].at[n].difference("exact", best)
    # How much it may err is known of accuracy alone.
    erring = tolerance if currency == "accuracy" else None
    scale = Scale(currency=currency, unit=group.outcomes.unit)
    return {
        "beyond": best,
        "gain": gain._asdict(),
        "sentence": check_sentence(gain, best, n, scale, erring),
    }


def _same_accuracy(group: GroupDecisions, verifier: Verifier | None) -> dict[str, Any] | None:
    """The fewest candidates with which an arm without a check is as good; None if none is.

    The tokens that it needs beyond N candidates, over the N checks, are what a check may cost.
    """
    here = group.by_currency["accuracy"]
    n = group.num_candidates
    wanted = here.at[n].means["exact"]
    for count, joint in here.at.items():
        for arm in sum(arms_of(joint, verifier), ()):
            if arm not in selecting.EXACT and joint.means[arm] >= wanted and count > n:
                more = (count - n) * group.selection.length
                return {"num_candidates": count, "arm": arm, "length_a_check": more / n}
    return None
