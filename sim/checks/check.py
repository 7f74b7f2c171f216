"""Check every applicable bound in every cell of a run, by the statistic the bound speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verigap.sim.checks.statistics import (
    frequency_p_value,
    gap_p_value,
    holm_rejections,
    mean_p_value,
    upper_quantile,
)
from verigap.sim.checks.values import Row, bound_by_name, bound_values
from verigap.theory import BOUNDS, Bound


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
    """

    bound: str
    cell: str
    learner: str
    value: float
    measured: float
    p_value: float
    violated: bool = False

    @property
    def ratio(self) -> float:
        """Tightness, measured over bound; NaN where the bound says nothing (is not positive)."""
        return self.measured / self.value if self.value > 1e-12 else float("nan")


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
    """

    name: str
    direction: str
    cells: int
    violations: int
    vacuous: int
    median_ratio: float
    worst_ratio: float


@dataclass(frozen=True)
class Report:
    """All verdicts of a run, and the tests behind them."""

    verdicts: tuple[Verdict, ...]
    tests: tuple[BoundTest, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not any(verdict.violations for verdict in self.verdicts)


def check(rows: Sequence[Row], names: Iterable[str] | None = None) -> Report:
    """Test bounds on the rows of a run store, Holm-corrected over all bounds and cells.

    Args:
      rows: cells as `RunStore.read_cells().to_dicts()` gives them.
      names: bounds or controls; every true bound by default.

    Raises:
      ValueError: if a mean or variance is NaN or infinite, which no bound can be held against.

    Example:
      >>> from verigap.sim.checks import check
      >>> from verigap.sim.sweeps import read_rows
      >>> check(read_rows("docs/runs/quickstart"), ["VF-UPPER"]).ok
      True
    """
    for row in rows:
        for entry in row["learners"]:
            if not np.isfinite([entry["mean"], entry["variance"]]).all():
                raise ValueError(
                    f"cell {row['cell']}: the risk of {entry['learner']} is not a number; remove "
                    "the run and sweep again"
                )
    bounds = [bound_by_name(name) for name in (names or BOUNDS)]
    values = bound_values(rows, [bound.name for bound in bounds])
    tests: list[BoundTest] = []
    for bound in bounds:
        value, held = values[bound.name]
        for index, row in enumerate(rows):
            if held[index] and np.isfinite(value[index]):
                tests += _tests(bound, row, float(value[index]))
    rejected = holm_rejections(np.asarray([test.p_value for test in tests]))
    tests = [replace(test, violated=bool(r)) for test, r in zip(tests, rejected, strict=True)]
    return Report(tuple(_verdict(bound, tests) for bound in bounds), tuple(tests))


def _tests(bound: Bound, row: Row, value: float) -> list[BoundTest]:
    """The bound on every learner it speaks of that was simulated in this cell."""
    learners = {entry["learner"]: entry for entry in row["learners"]}
    expert = row["expert_gain"] + row["mean"]
    replicates, horizon = row["replicates"], row["horizon"]
    # No risk lies above J_e (a return of 0) or below J_e - H (a return of H).
    most, least = expert, expert - horizon
    if bound.quantity == "gap":
        cloning, verified = (learners.get(name) for name in bound.learners)
        if cloning is None or verified is None:
            return []
        p_value = gap_p_value(
            (cloning["mean"], cloning["variance"], most),
            (verified["mean"], verified["variance"], least),
            replicates,
            value,
        )
        name = f"{bound.learners[0]} minus {bound.learners[1]}"
        return [
            BoundTest(
                bound.name, row["cell"], name, value, cloning["mean"] - verified["mean"], p_value
            )
        ]
    tests = []
    for name in bound.learners:
        entry = learners.get(name)
        if entry is None:
            continue
        if bound.statistic == "mean":
            lower = bound.direction == "lower"
            measured = entry["mean"]
            p_value = mean_p_value(
                measured,
                entry["variance"],
                replicates,
                value,
                lower=lower,
                favourable=most if lower else least,
            )
        else:
            risks = np.asarray(entry["outcome_risk"])
            counts = np.asarray(entry["outcome_count"])
            if len(risks) == 0:
                continue
            slack = 1e-9 * horizon
            if bound.quantity == "matching":
                hits = float(counts[risks <= slack].sum())
                measured = hits / replicates
                p_value = frequency_p_value(hits, replicates, value)
            else:
                exceedances = float(counts[risks > value + slack].sum())
                measured = upper_quantile(risks, counts, row["failure_probability"])
                p_value = frequency_p_value(exceedances, replicates, row["failure_probability"])
        tests.append(BoundTest(bound.name, row["cell"], name, value, measured, p_value))
    return tests


def _verdict(bound: Bound, tests: Sequence[BoundTest]) -> Verdict:
    own = [test for test in tests if test.bound == bound.name]
    ratios = np.asarray([test.ratio for test in own])
    telling = ratios[np.isfinite(ratios)]
    worst = np.min if bound.direction == "lower" else np.max
    return Verdict(
        bound.name,
        bound.direction,
        cells=len({test.cell for test in own}),
        violations=len({test.cell for test in own if test.violated}),
        vacuous=len({test.cell for test in own if not np.isfinite(test.ratio)}),
        median_ratio=float(np.median(telling)) if len(telling) else float("nan"),
        worst_ratio=float(worst(telling)) if len(telling) else float("nan"),
    )
