"""Check every applicable bound in every cell of a run, by the statistic the bound speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.sim.checks.betting import BoundedMean, mean_limits, mean_p_values
from verigap.sim.checks.claims import Claim, claims
from verigap.sim.checks.ranges import risk_range
from verigap.sim.checks.statistics import FAMILY_WISE_ERROR, holm_rejections
from verigap.sim.checks.values import Row, bound_by_name, bound_values
from verigap.theory import BOUNDS, Bound

_POSITIVE = 1e-12


@dataclass(frozen=True)
class BoundTest:
    """One bound on one learner (or pair) in one cell.

    Attributes:
      bound: name of the bound.
      cell: cell hash.
      learner: learner, or "VF minus VB" pair.
      value: the bound, in tokens (a probability for VF-LOWER-PROBABILITY).
      measured: what it bounds: a mean, the (1 - delta) quantile, or a frequency.
      p_value: small where the replicates contradict the bound.
      violated: after Holm's correction over the whole run.
      limit: the nearest value of the bound that would have been a violation here, whatever the
        other tests of the run say: larger for a lower bound, smaller for an upper one. Infinite or
        NaN where there is none or the bound says nothing.
    """

    bound: str
    cell: str
    learner: str
    value: float
    measured: float
    p_value: float
    violated: bool
    limit: float

    @property
    def ratio(self) -> float:
        """Tightness, measured over bound; NaN where the bound says nothing (is not positive)."""
        return self.measured / self.value if self.value > _POSITIVE else float("nan")


@dataclass(frozen=True)
class Verdict:
    """One bound over a whole run.

    Attributes:
      name: of the bound.
      direction: "lower" (ratios at least 1 when it holds) or "upper" (at most 1).
      cells: cells it applies to.
      violations: cells that violate it.
      vacuous: cells in which its value is not positive and so says nothing.
      median_ratio, worst_ratio: tightness over the other cells; NaN if there are none.
      smallest_detectable: the factor nearest to 1 by which the bound, made too strong in every
        cell, would have been a violation in one of them: above 1 for a lower bound, below 1 for an
        upper one, 1 where it is violated as it is. None if no factor would have been noticed.
    """

    name: str
    direction: str
    cells: int
    violations: int
    vacuous: int
    median_ratio: float
    worst_ratio: float
    smallest_detectable: float | None = None


@dataclass(frozen=True)
class Report:
    """All verdicts of a run, and the tests behind them."""

    verdicts: tuple[Verdict, ...]
    tests: tuple[BoundTest, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not any(verdict.violations for verdict in self.verdicts)


def check(rows: Sequence[Row], bounds: Iterable[str | Bound] | None = None) -> Report:
    """Test bounds on the rows of a run store, Holm-corrected over all bounds and cells.

    Args:
      rows: cells as `RunStore.read_cells().to_dicts()` gives them.
      bounds: names of bounds or controls, or bounds that are not registered, of names of their own;
        every true bound by default.

    Raises:
      ValueError: if a mean or variance is NaN or infinite, which no bound can be held against.

    Example:
      >>> from verigap.sim.checks import check
      >>> from verigap.sim.sweeps import read_rows
      >>> report = check(read_rows("docs/runs/quickstart"), ["VF-UPPER"])
      >>> report.ok, report.verdicts[0].smallest_detectable < 0.6
      (True, True)
    """
    for row in rows:
        for entry in row["learners"]:
            if not np.isfinite([entry["mean"], entry["variance"]]).all():
                raise ValueError(
                    f"cell {row['cell']}: the risk of {entry['learner']} is not a number; remove "
                    "the run and sweep again"
                )
    chosen = [
        bound_by_name(bound) if isinstance(bound, str) else bound for bound in (bounds or BOUNDS)
    ]
    values = bound_values(rows, chosen)
    spans = [risk_range(row) for row in rows]
    found: list[Claim] = []
    for bound in chosen:
        value, held = values[bound.name]
        for index, row in enumerate(rows):
            if held[index] and np.isfinite(value[index]):
                found += claims(bound, row, float(value[index]), spans[index])
    tests = _tests(found)
    return Report(tuple(_verdict(bound, tests) for bound in chosen), tuple(tests))


def _tests(found: Sequence[Claim]) -> list[BoundTest]:
    """Every claim tested, and the nearest claim that would have failed."""
    p_values = _p_values(found)
    # What is rejected at this level is rejected by Holm's procedure, whatever the other tests say.
    limits = _limits(found, FAMILY_WISE_ERROR / max(len(found), 1))
    rejected = holm_rejections(p_values)
    return [
        BoundTest(
            claim.bound,
            claim.cell,
            claim.learner,
            claim.value,
            claim.measured,
            float(p_values[index]),
            bool(rejected[index]),
            float(limits[index]),
        )
        for index, claim in enumerate(found)
    ]


def _p_values(found: Sequence[Claim]) -> Float[np.ndarray, " tests"]:
    p_values, means = np.ones(len(found)), []
    for index, claim in enumerate(found):
        if isinstance(claim.evidence, BoundedMean):
            means.append((index, claim.evidence, claim.value))
        else:
            p_values[index] = claim.evidence.p_value(claim.value)
    if means:
        places, samples, values = zip(*means, strict=True)
        p_values[list(places)] = mean_p_values(samples, np.asarray(values))
    return p_values


def _limits(found: Sequence[Claim], level: float) -> Float[np.ndarray, " tests"]:
    limits, means = np.full(len(found), np.nan), []
    for index, claim in enumerate(found):
        if claim.value <= _POSITIVE:
            continue
        if isinstance(claim.evidence, BoundedMean):
            means.append((index, claim.evidence))
        else:
            limits[index] = claim.evidence.limit(level)
    if means:
        places, samples = zip(*means, strict=True)
        limits[list(places)] = mean_limits(samples, level)
    return limits


def _verdict(bound: Bound, tests: Sequence[BoundTest]) -> Verdict:
    own = [test for test in tests if test.bound == bound.name]
    ratios = np.asarray([test.ratio for test in own])
    telling = ratios[np.isfinite(ratios)]
    worst = np.min if bound.direction == "lower" else np.max
    violations = len({test.cell for test in own if test.violated})
    return Verdict(
        bound.name,
        bound.direction,
        cells=len({test.cell for test in own}),
        violations=violations,
        vacuous=len({test.cell for test in own if not np.isfinite(test.ratio)}),
        median_ratio=float(np.median(telling)) if len(telling) else float("nan"),
        worst_ratio=float(worst(telling)) if len(telling) else float("nan"),
        smallest_detectable=1.0 if violations else _smallest_detectable(bound, own),
    )


def _smallest_detectable(bound: Bound, tests: Sequence[BoundTest]) -> float | None:
    factors = [test.limit / test.value for test in tests if np.isfinite(test.limit)]
    if bound.direction == "lower":
        return max(min(factors), 1.0) if factors else None
    largest = max(factors, default=0.0)
    return min(largest, 1.0) if largest > 0 else None
