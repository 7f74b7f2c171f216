"""Accuracy against what is spent on a prompt of one group, as plain dictionaries and lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from verigap.llm_validation.deciding.allocation import Allocation, frontier
from verigap.llm_validation.deciding.decisions import Verifier, allowed
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.reporting.wording import arm_name


def spending_content(
    rows: Sequence[Allocation],
    prices: Prices,
    spend: float | None,
    verifier: Verifier | None = None,
) -> dict[str, Any]:
    """Accuracy against what is spent on a prompt, and the best at a limit.

    Args:
      rows: of `allocations`.
      prices: of tokens and checks.
      spend: the most that a prompt may cost: in money where a price was given, else in tokens.
      verifier: the one that there is; its arms alone take part, beside those without any. None for
        every kind.

    Returns:
      `frontier`: the ways to spend that no cheaper one matches, in money if `priced`, else in
      what is `sampled` (unit of lengths); nothing where that is not known. `within`: the most
      accurate of them at the limit, None without a limit or where nothing is known; without an
      entry for arms with a check where the verifier is another.
    """
    priced = prices.of_prompts
    key = "cost" if priced else "sampled"
    at_hand = [row for row in rows if verifier is None or allowed(row.arm, verifier)]
    cost = _cost(prices, key)
    lines = {
        name: [_spent(row, prices) for row in frontier(at_hand, check=check, cost=cost)]
        for name, check in (("without_check", False), ("with_check", True))
    }
    within = None
    if spend is not None and any(lines.values()):
        within = {
            name: max(
                (row for row in line if row[key] <= spend),
                key=lambda row: row["accuracy"],
                default=None,
            )
            for name, line in lines.items()
            if name != "with_check" or verifier in (None, "exact")
        }
    return {"frontier": lines, "spend": spend, "within": within, "priced": priced, "key": key}


def _cost(prices: Prices, key: str) -> Callable[[Allocation], float]:
    return lambda row: _spent(row, prices)[key]


def _spent(row: Allocation, prices: Prices) -> dict[str, Any]:
    length = row.tokens / row.num_candidates
    checked = row.num_candidates if row.arm == "exact" else 0
    return {
        "horizon": row.horizon,
        "num_candidates": row.num_candidates,
        "arm": row.arm,
        "sampled": row.tokens,
        "accuracy": row.accuracy,
        "name": arm_name(row.arm, row.num_candidates),
        "cost": prices.per_prompt(row.num_candidates, length, checked=checked),
    }
