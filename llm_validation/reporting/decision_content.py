"""The decisions of one group as plain dictionaries and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verigap.llm_validation.deciding import selection as selecting
from verigap.llm_validation.deciding import training
from verigap.llm_validation.deciding.allocation import Allocation, frontier
from verigap.llm_validation.deciding.decisions import (
    GroupDecisions,
    InCurrency,
    Verifier,
    arms_of,
    shortness_share,
)
from verigap.llm_validation.deciding.falling import falls
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import Currency
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.deciding.rule import Decision
from verigap.llm_validation.deciding.settling import flips_at, what_would_settle
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.wording import (
    ARMS,
    Scale,
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
    decisions = {currency: _selected(group, currency, verifier) for currency in group.by_currency}
    return {
        "decision": decisions,
        "by_verifier": {
            kind: {currency: _selected(group, currency, kind) for currency in group.by_currency}
            for kind in group.by_currency["accuracy"].by_verifier
        },
        "why_different": _why_different(group, verifier),
        "num_candidates": n,
        "prompts": len(group.selection.prompts),
        "left_out": group.selection.left_out,
        "mixed": group.selection.mixed,
        "labels": group.selection.labels,
        "arms": [_arm(group, arm, prices) for arm in group.selection.values["accuracy"]],
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
            for fall in falls(group.by_currency["accuracy"].at, 0.0)
        ],
        "check": _check(group),
    }


def _selected(
    group: GroupDecisions, currency: Currency, verifier: Verifier | None
) -> dict[str, Any]:
    here = group.by_currency[currency]
    decision = here.select if verifier is None else here.by_verifier[verifier]
    plain, others = arms_of(here.at[group.num_candidates], verifier)
    mixed = group.selection.mixed if group.num_candidates > 1 else 0
    return decision_content(
        decision,
        here.at[group.num_candidates],
        Scale(currency=currency, unit=group.outcomes.unit),
        plain,
        others,
        num_candidates=group.num_candidates,
        data_budget=group.selection.labels,
        prompts=len(group.selection.prompts),
        mixed=mixed,
    )


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
    mixed: int,
) -> dict[str, Any]:
    """One decision, with its sentence and what would settle it."""
    settling = what_would_settle(decision, joint, plain, others, prompts, mixed)
    return {
        "arm": decision.arm,
        "reason": decision.reason,
        "probability": decision.probability,
        "margin": decision.margin.value,
        "margin_source": decision.margin.source,
        "best_plain": decision.best_plain,
        "best_other": decision.best_other,
        "gain": decision.gain._asdict(),
        "sentence": decision_sentence(
            decision,
            joint,
            scale,
            floor=plain[0],
            num_candidates=num_candidates,
            data_budget=data_budget,
            mixed=mixed,
        ),
        "flips_at": flips_at(decision, joint, plain, others),
        "flips": flips_sentence(decision, flips_at(decision, joint, plain, others), scale),
        "settling": settling_sentence(settling, prompts),
        "settling_prompts": None if settling is None else settling.prompts,
    }


def _why_different(group: GroupDecisions, verifier: Verifier | None) -> str:
    if "return" not in group.by_currency:
        return ""
    accuracy, returns = (
        here.select if verifier is None else here.by_verifier[verifier]
        for here in (group.by_currency["accuracy"], group.by_currency["return"])
    )
    arm = returns.arm if returns.arm != "undecided" else returns.best_other
    other = accuracy.arm if accuracy.arm not in ("undecided", arm) else "single"
    share = float("nan")
    if arm and arm != other and _earns_more(group, arm, other):
        share = shortness_share(group, arm, other)
    about = f"{ARMS.get(arm, arm)} earns beyond {ARMS[other]}"
    return currency_sentence(accuracy, returns, group.outcomes.unit, share, about)


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
        "name": ARMS[arm],
        "accuracy": accuracy.value(arm)._asdict(),
        "beyond_single": (
            NOTHING if arm == "single" else accuracy.difference(arm, "single")
        )._asdict(),
        "return": (
            NOTHING if returns is None else returns.at[group.num_candidates].value(arm)
        )._asdict(),
        "tokens": n * length,
        "labels": group.selection.labels if learned else 0,
        "cost": prices.per_prompt(n, length, checked=n if arm == "exact" else 0),
        "cost_once": group.selection.labels * (prices.label_cost or 0.0) if learned else 0.0,
    }


def _curves(here: InCurrency) -> dict[str, list[dict[str, float]]]:
    """Every arm at every N."""
    names = next(iter(here.at.values())).means
    return {arm: [joint.value(arm)._asdict() for joint in here.at.values()] for arm in names}


def _fall_sentence(fall: Any, unit: LengthUnit) -> str:
    scale = Scale(currency="accuracy", unit=unit)
    name = f"{ARMS[fall.arm][0].upper()}{ARMS[fall.arm][1:]}"
    best = "never better than one sample" if fall.peak == 1 else f"best at N = {fall.peak}"
    text = (
        f"{name} is {best} ({scale.value(fall.at_peak)}) and falls to "
        f"{scale.value(fall.at_last)} at N = {fall.last}"
    )
    if fall.below_single.estimate < 0:
        text += f", {scale.gain(_minus(fall.below_single))} below one random sample"
    return f"{text}: do not use it with N = {fall.last}."


def _minus(value: Statistic) -> Statistic:
    return Statistic(-value.estimate, -value.high, -value.low)


def _check(group: GroupDecisions) -> dict[str, Any]:
    """What an exact check is worth in accuracy, and how its stand-ins err."""
    joint = group.by_currency["accuracy"].at[group.num_candidates]
    best = group.best_without_check()
    gain = joint.difference("exact", best)
    return {
        "beyond": best,
        "gain": gain._asdict(),
        "false_positive": group.tolerance.false_positive,
        "false_negative": group.tolerance.false_negative,
        "sentence": check_sentence(gain, best, group.num_candidates, group.tolerance),
        "same_accuracy": _same_accuracy(group),
        "roc": {
            name: {
                "area": curve.area,
                "false_positive": curve.false_positive.tolist(),
                "false_negative": curve.false_negative.tolist(),
            }
            for name, curve in group.selection.roc.items()
        },
    }


def _same_accuracy(group: GroupDecisions) -> dict[str, Any] | None:
    """The fewest candidates with which an arm without a check is as good; None if none is.

    The tokens that it needs beyond N candidates, over the N checks, are what a check may cost.
    """
    here = group.by_currency["accuracy"]
    n = group.num_candidates
    wanted = here.at[n].means["exact"]
    for count, joint in here.at.items():
        for arm, mean in joint.means.items():
            if arm not in selecting.EXACT and mean >= wanted and count > n:
                more = (count - n) * group.selection.length
                return {"num_candidates": count, "arm": arm, "tokens_a_check": more / n}
    return None


def training_content(group: GroupDecisions, prices: Prices) -> dict[str, Any] | None:
    """What to train: the decision, and every policy at every n and leash; None for one prompt."""
    found = group.training
    if found is None:
        return None
    unit, length = group.outcomes.unit, group.selection.length
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
            mixed=group.selection.mixed,
        )
    return {
        "decision": tables,
        "data_budget": group.data_budget,
        "data_budgets": list(found.data_budgets),
        "leashes": [str(leash) for leash in found.leashes],
        "num_candidates": found.num_candidates,
        "rows": _training_rows(group),
        "voted": _voted(group),
        "expert": dict(found.expert),
        "solved": found.solved,
        "kept": found.kept,
        "tokens": group.data_budget * length,
        "cost": {
            arm: prices.of_training(group.data_budget, length, labelled=arm != "clone")
            for arm in training.TRAINED
        },
    }


def _training_rows(group: GroupDecisions) -> list[dict[str, Any]]:
    """Accuracy, and gain over the base, by leash, n and arm."""
    found = group.training
    rows = []
    if found is None:
        return rows
    for leash, values in zip(found.leashes, found.values["accuracy"], strict=True):
        for place, n in enumerate(found.data_budgets):
            joint = JointMeans.of(
                {arm: table[place] for arm, table in values.items()}, most=1.0, seed=group.seed
            )
            rows += [
                {
                    "leash": str(leash),
                    "data_budget": n,
                    "arm": arm,
                    "name": ARMS[arm],
                    "accuracy": joint.value(arm)._asdict(),
                    "gain": (NOTHING if arm == "base" else joint.difference(arm, "base"))._asdict(),
                }
                for arm in training.ARMS
            ]
    return rows


def _voted(group: GroupDecisions) -> list[dict[str, Any]]:
    """Each policy followed by a vote over N of its samples."""
    values = group.training.voted.get("accuracy", {}) if group.training else {}
    if not values:
        return []
    joint = JointMeans.of(values, most=1.0, seed=group.seed)
    return [
        {
            "arm": arm,
            "name": ARMS[arm],
            "accuracy": joint.value(arm)._asdict(),
            "gain": (NOTHING if arm == "base" else joint.difference(arm, "base"))._asdict(),
        }
        for arm in values
    ]


def spending_content(
    rows: Sequence[Allocation], prices: Prices, spend: float | None
) -> dict[str, Any]:
    """Accuracy against what is spent on a prompt, and the best at a limit.

    Args:
      rows: of `allocations`.
      prices: of tokens and checks.
      spend: the most that a prompt may cost: in money where a price was given, else in tokens.
    """
    lines = {
        name: [_spent(row, prices) for row in frontier(rows, check=check)]
        for name, check in (("without_check", False), ("with_check", True))
    }
    within = None
    if spend is not None:
        key = "cost" if prices.given else "tokens"
        within = {
            name: max(
                (row for row in line if row[key] <= spend),
                key=lambda row: row["accuracy"],
                default=None,
            )
            for name, line in lines.items()
        }
    return {"frontier": lines, "spend": spend, "within": within, "priced": prices.given}


def _spent(row: Allocation, prices: Prices) -> dict[str, Any]:
    length = row.tokens / row.num_candidates
    checked = row.num_candidates if row.arm == "exact" else 0
    return row._asdict() | {
        "name": ARMS[row.arm],
        "cost": prices.per_prompt(row.num_candidates, length, checked=checked),
    }


def prompts_content(group: GroupDecisions, prompt_ids: Sequence[str]) -> dict[str, Any]:
    """How hard the prompts are: a histogram, and each of them from hard to easy."""
    found = group.outcomes
    right = (found.rewards["accuracy"] * found.mask).sum(axis=1)
    share = right / found.sizes
    bins, edges = np.histogram(share, bins=10, range=(0.0, 1.0))
    vote = dict(
        zip(group.selection.prompts.tolist(), _at_n(group, "vote"), strict=True)
        if "vote" in group.selection.values["accuracy"]
        else ()
    )
    lengths = _mean_lengths(found.length)
    order = np.lexsort((np.array(prompt_ids), share))
    return {
        "never": int((right == 0).sum()),
        "always": int((right == found.sizes).sum()),
        "histogram": [
            {"low": float(low), "high": float(high), "prompts": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], bins, strict=True)
        ],
        "rows": [
            {
                "prompt_id": prompt_ids[place],
                "correct": int(right[place]),
                "samples": int(found.sizes[place]),
                "share": float(share[place]),
                "vote": float(vote.get(int(place), float("nan"))),
                "length": float(lengths[place]),
            }
            for place in order
        ],
    }


def _at_n(group: GroupDecisions, arm: str) -> list[float]:
    place = group.selection.position(group.num_candidates)
    return group.selection.values["accuracy"][arm][place].tolist()


def _mean_lengths(length: np.ndarray) -> np.ndarray:
    known = np.isfinite(length)
    total = np.where(known, length, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
