"""What a bound claims of a learner in one cell, beside the replicates it is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verigap.sim.checks.betting import BoundedMean
from verigap.sim.checks.statistics import Exceedances, Hits, upper_quantile
from verigap.sim.checks.values import Row
from verigap.theory import Bound

Span = tuple[float, float]
"""The smallest and the largest risk that a replicate can have, tokens."""

_ROUNDING = 1e-9
"""Share of the horizon by which rounding may move a risk or a bound."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One bound on one learner (or pair) in one cell.

    Attributes:
      bound: name of the bound.
      cell: cell hash.
      learner: learner, or "VF minus VB" pair.
      value: the bound, in tokens (a probability for VF-LOWER-PROBABILITY).
      measured: what it bounds: a mean, the (1 - delta) quantile, or a frequency.
      evidence: the replicates, as the test of the bound's statistic takes them.
    """

    bound: str
    cell: str
    learner: str
    value: float
    measured: float
    evidence: BoundedMean | Hits | Exceedances


def claims(bound: Bound, row: Row, value: float, span: Span) -> Iterator[Claim]:
    """The bound on every learner it speaks of that was simulated in this cell.

    Args:
      bound: a bound that applies to the cell.
      row: the cell.
      value: of the bound there, tokens or a probability.
      span: `risk_range` of the cell.
    """
    learners = {entry["learner"]: entry for entry in row["learners"]}
    if bound.quantity == "gap":
        if all(name in learners for name in bound.learners):
            cloning, verified = (learners[name] for name in bound.learners)
            yield Claim(
                bound=bound.name,
                cell=row["cell"],
                learner=f"{bound.learners[0]} minus {bound.learners[1]}",
                value=value,
                measured=cloning["mean"] - verified["mean"],
                evidence=_gap(row, span, cloning, verified),
            )
        return
    for name in bound.learners:
        if name not in learners:
            continue
        judged = _judged(bound, row, span, learners[name])
        if judged is not None:
            measured, evidence = judged
            yield Claim(
                bound=bound.name,
                cell=row["cell"],
                learner=name,
                value=value,
                measured=measured,
                evidence=evidence,
            )


def _judged(
    bound: Bound, row: Row, span: Span, entry: Mapping[str, Any]
) -> tuple[float, BoundedMean | Hits | Exceedances] | None:
    """What the bound speaks of and the replicates; None where they are not told apart."""
    replicates, tolerance = row["replicates"], _ROUNDING * row["horizon"]
    if bound.statistic == "mean":
        return entry["mean"], _mean(row, span, entry, lower=bound.direction == "lower")
    risks, counts = np.asarray(entry["outcome_risk"]), np.asarray(entry["outcome_count"])
    if len(risks) == 0:
        return None
    if bound.quantity == "matching":
        hits = float(counts[risks <= tolerance].sum())
        return hits / replicates, Hits(hits=hits, replicates=replicates)
    tail = row["failure_probability"]
    return upper_quantile(risks, counts, tail), Exceedances(
        risks=risks, counts=counts, replicates=replicates, tail=tail, tolerance=tolerance
    )


def _spread(row: Row, span: Span, entry: Mapping[str, Any]) -> tuple[float, int]:
    """Variance of a learner's replicates around their mean, and how many of them may be used.

    Runs of earlier releases hold, of many prompts, the variance around the mean of each prompt
    only: the largest that the range allows takes its place. And where their replicates ended in
    the midst of the prompts, their mean says nothing for certain about the other prompts.
    """
    total = entry.get("total_variance")
    replicates, prompts = row["replicates"], len(row["atoms"])
    if total is not None:
        return total, replicates
    if prompts == 1:
        return entry["variance"], replicates
    least, most = span
    largest = (most - entry["mean"]) * (entry["mean"] - least)
    return largest * replicates / (replicates - 1), 0 if replicates % prompts else replicates


def _mean(row: Row, span: Span, entry: Mapping[str, Any], *, lower: bool) -> BoundedMean:
    least, most = span
    variance, replicates = _spread(row, span, entry)
    return BoundedMean(
        mean=entry["mean"],
        variance=variance,
        replicates=replicates,
        favourable=most if lower else least,
        lower=lower,
        tolerance=_ROUNDING * row["horizon"],
    )


def _gap(
    row: Row, span: Span, cloning: Mapping[str, Any], verified: Mapping[str, Any]
) -> BoundedMean:
    """Differences of replicates of the two learners, whose data sets are independent.

    The capital is averaged over the ways to pair replicates, over which variances add up. If the
    replicates end in the midst of the prompts, only pairs on one prompt may be formed, and their
    variance is at most the square of the sum of the standard deviations.
    """
    least, most = span
    first, replicates = _spread(row, span, cloning)
    second, _ = _spread(row, span, verified)
    in_rounds = replicates % len(row["atoms"]) == 0
    return BoundedMean(
        mean=cloning["mean"] - verified["mean"],
        variance=first + second + (0.0 if in_rounds else 2.0 * np.sqrt(first * second)),
        replicates=replicates,
        favourable=most - least,
        lower=True,
        tolerance=_ROUNDING * row["horizon"],
    )
