"""Methods at test time of one group at equal budgets, as plain dictionaries and lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from verigap.llm_validation.deciding.decisions import Verifier
from verigap.llm_validation.deciding.methods.diagnosed import needs_no_other
from verigap.llm_validation.deciding.methods.equal_budgets import EqualBudgets, Row
from verigap.llm_validation.deciding.rule import FEWEST_MIXED
from verigap.llm_validation.deciding.selection import ARMS
from verigap.llm_validation.reporting.numbers import counted, number
from verigap.llm_validation.reporting.wording import arm_name, points
from verigap.storage.units import LengthUnit

METHODS = {
    "vote_until_decided": "vote of about N that stops once it is decided",
    "vote_adaptive": "vote of about N by how many agree",
    "best_score_pessimistic": "best of N by the table's score with pessimism",
    "self_verified": "trying about N until the table's score suffices",
    "until_right": "trying about N until an exact check accepts",
}
"""Names of methods that are no arms of selection; N counts samples in the mean over prompts."""


def methods_content(
    found: EqualBudgets | None, unit: LengthUnit, verifier: Verifier | None
) -> dict[str, Any] | None:
    """Every method with what it was given, and a sentence on the best without an exact check.

    Args:
      found: of `diagnosed_methods`.
      unit: of lengths.
      verifier: the one that there is; the sentence is about methods that need no other. None for
        every kind but an exact check.

    Returns:
      None where there is nothing to compare.
    """
    if found is None:
        return None
    budget = found.budget
    compared = [row for row in found.rows if not math.isnan(row.gain_together.low)]
    named = [row for row in compared if needs_no_other(row.method, verifier)]
    best = found.clear_of_zero(row.method for row in named)
    return {
        "prompts": found.prompts,
        "num_candidates": budget.num_candidates,
        "length": budget.tokens,
        "labels": budget.labels,
        "reference": found.reference,
        "reference_name": _name(found.reference, budget.num_candidates),
        "compared": len(compared),
        "best": None if best is None else best.method,
        "sentence": _sentence(found, named, len(compared), best, unit),
        "rows": [_row(row, budget.num_candidates) for row in found.rows],
    }


def _row(row: Row, num_candidates: int) -> dict[str, Any]:
    return {
        "method": row.method,
        "name": _name(row.method, num_candidates),
        "further": row.method not in ARMS,
        "exact_check": row.exact_check,
        "samples": row.samples,
        "length": row.tokens,
        "labels": row.labels,
        "checks": row.checks,
        "accuracy": row.accuracy._asdict(),
        "gain": row.gain._asdict(),
        "gain_together": row.gain_together._asdict(),
    }


def _name(method: str, num_candidates: int) -> str:
    return arm_name(METHODS.get(method, method), num_candidates)


def _sentence(
    found: EqualBudgets, named: Sequence[Row], compared: int, best: Row | None, unit: LengthUnit
) -> str:
    """Which method without an exact check is the best, if its interval is clear of 0."""
    n = found.budget.num_candidates
    beyond = _name(found.reference, n)
    spent = f"{counted(n, 'sample')} a prompt"
    if not math.isnan(found.budget.tokens):
        spent = f"{number(found.budget.tokens)} {unit} a prompt"
    given = f"at equal budgets (at most {spent}, {counted(found.budget.labels, 'label')})"
    together = f"95 % for all {compared:,} together" if compared > 1 else "95 %"
    if best is not None:
        return (
            f"Without an exact check {_name(best.method, n)} gains most over {beyond} {given}: "
            f"{points(best.gain_together)} ({together})."
        )
    none = f"No method without an exact check is shown to gain over {beyond} {given}"
    if not named:
        return f"{none}: fewer than {FEWEST_MIXED} prompts tell any from it."
    top = max(named, key=lambda row: row.gain.estimate)
    nearest = f"{_name(top.method, n)} comes nearest with {points(top.gain_together)}"
    return f"{none}: {nearest} ({together})."
