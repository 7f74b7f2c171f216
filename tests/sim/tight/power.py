"""How many data sets show a bound that is a tenth too strong, by the normal approximation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from verigap.sim.checks.statistics import FAMILY_WISE_ERROR
from verigap.sim.checks.values import bound_by_name, bound_values
from verigap.theory import Bound

POWER = 0.999
TESTS = 200
"""More tests than a run of configs/tight.yaml has."""

SUM_OF_QUANTILES = float(stats.norm.isf(FAMILY_WISE_ERROR / TESTS) + stats.norm.ppf(POWER))


def needed(bound: Bound, value: float, row: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
    """Data sets of this cell from which on the bound, made a tenth too strong, is found out."""
    wrong = value * (1.1 if bound.direction == "lower" else 0.9)
    if bound.statistic == "mean":
        variance, mean = entry["variance"], entry["mean"]
        gap = wrong - mean if bound.direction == "lower" else mean - wrong
    else:
        risks, counts = np.asarray(entry["outcome_risk"]), np.asarray(entry["outcome_count"])
        matching = bound.quantity == "matching"
        claimed = wrong if matching else row["failure_probability"]
        hit = risks <= 1e-9 * row["horizon"] if matching else risks > wrong
        share = float(counts[hit].sum() / counts.sum())
        # At least one hit in as many data sets is what is known of a share that seems to be 0 or 1.
        variance = max(share * (1.0 - share), 1.0 / counts.sum())
        gap = share - claimed
    return SUM_OF_QUANTILES**2 * variance / gap**2 if gap > 0 else float("inf")


def least_needed(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[float, int, str]:
    """Data sets needed in the cell that needs the smallest share of those it has, how many, where.

    A gap between two learners has the variance of both.
    """
    bound = bound_by_name(name)
    values, held = bound_values(rows, [name])[name]
    found = []
    for row, value, holds in zip(rows, values, held, strict=True):
        entries = {entry["learner"]: entry for entry in row["learners"]}
        played = [entries[learner] for learner in bound.learners if learner in entries]
        if bound.quantity == "gap" and len(played) == 2:
            played = [{k: played[0][k] + sign * played[1][k]
                       for k, sign in (("mean", -1.0), ("variance", 1.0))}]  # fmt: skip
        elif bound.quantity == "gap":
            played = []
        if holds and value > 0:
            found += [
                (needed(bound, float(value), row, entry), row["replicates"], row["block"])
                for entry in played
            ]
    return min(found, key=lambda each: each[0] / each[1])
