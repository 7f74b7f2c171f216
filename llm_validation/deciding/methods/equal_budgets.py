"""Every method that a group's samples allow, beside each other at one budget of tokens and labels.

A method that was given more than the budget says cannot be a row: `EqualBudgets.of` refuses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from verigap.llm_validation.arguments import whole
from verigap.llm_validation.deciding.candidates import largest_common
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.methods.adaptive_votes import adaptive_votes
from verigap.llm_validation.deciding.methods.early_stopping import stopped_votes
from verigap.llm_validation.deciding.methods.measured import (
    MeasuredMethod,
    mean_lengths,
    of_all_candidates,
)
from verigap.llm_validation.deciding.methods.orders import (
    VotesAlong,
    first_of_orders,
    random_orders,
    votes_along,
)
from verigap.llm_validation.deciding.methods.pessimism import pessimistic_best_of_n
from verigap.llm_validation.deciding.methods.self_verified import self_verified
from verigap.llm_validation.deciding.methods.until_accepted import until_right
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.deciding.rule import FEWEST_MIXED
from verigap.llm_validation.deciding.selection import BY_LEARNED, Selection, select
from verigap.llm_validation.intervals import Statistic
from verigap.storage.tables import TableError

PILOT = 4
ERROR = 0.05
# Looks of a sequential vote: after every sample at first, then at about so many numbers more.
_DENSE, _SPARSE = 16, 24
_REACH = 4
_ROUNDING = 1e-9


class OverBudget(ValueError):
    """A method was given more tokens, samples or labels than the comparison allows."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every method may spend.

    Attributes:
      num_candidates: N; it bounds samples of a prompt, in the mean over prompts, where lengths are
        unknown.
      tokens: N times the mean length of a sample, in the mean over prompts; NaN where lengths are
        unknown. Many short samples may cost as much as N.
      labels: verdicts of samples of other prompts that a method may learn from.
    """

    num_candidates: int
    tokens: float
    labels: int

    def pays_for(self, measured: MeasuredMethod) -> bool:
        """Whether a method was given no more than this."""
        try:
            self.admit(measured)
        except OverBudget:
            return False
        return True

    def admit(self, measured: MeasuredMethod) -> None:
        """Nothing, for a method within the budget.

        Raises:
          OverBudget: it was given more.
        """
        spent = [("labels", float(measured.labels), float(self.labels))]
        if math.isnan(self.tokens):
            spent.append(("samples", float(measured.samples.mean()), float(self.num_candidates)))
        else:
            spent.append(("tokens", float(measured.tokens.mean()), self.tokens))
        for unit, given, allowed in spent:
            if not given <= allowed * (1.0 + _ROUNDING):
                raise OverBudget(
                    f"{measured.method}: {given:.6g} {unit} are more than the {allowed:.6g} that "
                    "the comparison allows"
                )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method.

    Attributes:
      method: its name.
      samples, tokens: mean of a prompt; tokens are NaN where lengths are unknown.
      labels: verdicts of samples of other prompts that it learned from.
      checks: verdicts asked for on a prompt when it is answered, in the mean.
      accuracy: mean over prompts, with its 95 % interval.
      gain: paired difference to the reference, with its 95 % interval.
      gain_together: the same with an interval that holds, together with those of all other methods
        without an exact check, with probability 0.95; see `JointMeans.differences_together`. NaN
        for a method with one, and where fewer than 10 prompts tell it from the reference.
    """

    method: str
    samples: float
    tokens: float
    labels: int
    checks: float
    accuracy: Statistic
    gain: Statistic
    gain_together: Statistic

    @property
    def exact_check(self) -> bool:
        """Whether it asks an exact check about samples of the prompt that it answers."""
        return self.checks > 0


@dataclass(frozen=True, kw_only=True)
class EqualBudgets:
    """Methods at one budget.

    Attributes:
      budget: what each may spend.
      prompts: P, those with enough samples.
      reference: the method that gains are over.
      rows: the methods, in the order given.
    """

    budget: Budget
    prompts: int
    reference: str
    rows: tuple[Row, ...]

    @classmethod
    def of(
        cls, budget: Budget, methods: Sequence[MeasuredMethod], reference: str, seed: int
    ) -> EqualBudgets:
        """The table, with intervals over prompts.

        Args:
          budget: what each may spend.
          methods: on the same prompts; the reference is among them.
          reference: the method that gains are over.
          seed: seed of the intervals.

        Raises:
          OverBudget: a method was given more.
        """
        for each in methods:
            budget.admit(each)
        shifts = {each.method: each.shifts for each in methods if each.shifts is not None}
        values = {each.method: each.values for each in methods}
        joint = JointMeans.of(values, shifts=shifts, most=1.0, seed=seed)
        told_apart = [
            each.method
            for each in methods
            if not each.checks
            and (np.abs(each.values - values[reference]) > _ROUNDING).sum() >= FEWEST_MIXED
        ]
        together = joint.differences_together(told_apart, reference)
        unknown = Statistic(*[float("nan")] * 3)
        rows = tuple(
            Row(
                method=each.method,
                samples=float(each.samples.mean()),
                tokens=float(each.tokens.mean()),
                labels=each.labels,
                checks=each.checks,
                accuracy=joint.value(each.method),
                gain=joint.difference(each.method, reference),
                gain_together=together.get(each.method, unknown),
            )
            for each in methods
        )
        return cls(budget=budget, prompts=len(methods[0].values), reference=reference, rows=rows)

    def clear_of_zero(self, among: Iterable[str]) -> Row | None:
        """The method of the largest gain among those whose gains are above 0, taken together.

        Args:
          among: names of methods; those with an exact check are never meant.

        Returns:
          None where none is.
        """
        names = set(among)
        clear = [row for row in self.rows if row.method in names and row.gain_together.low > 0]
        return max(clear, key=lambda row: row.gain.estimate, default=None)


def compare_methods(
    found: Outcomes, *, num_candidates: int, labels: int, seed: int
) -> EqualBudgets:
    """Every method that the samples allow, at the tokens of N samples of every prompt.

    Methods that stop early may draw more than N samples of a prompt, as many as the budget pays for
    in the mean. The reference is the vote of N; one random sample where there are no answers.
    Prompts with fewer samples than nearly all have, or than N if half have them, are left out.

    Args:
      found: the samples.
      num_candidates: N, from 2 to the samples that half of the prompts have.
      labels: verdicts of samples of other prompts that a method may learn from, at least 1.
      seed: seed of draws, splits and intervals.

    Raises:
      TableError: N or the number of labels is out of range.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.methods import compare_methods
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> table = compare_methods(outcomes_at(pools, 64), num_candidates=8, labels=64, seed=0)
      >>> rows = {row.method: row for row in table.rows}
      >>> [round(rows[name].accuracy.estimate, 2) for name in ("vote", "exact", "until_right")]
      [0.2, 0.37, 0.4]
    """
    whole(num_candidates, "num_candidates", 2, 10**9)
    whole(labels, "labels", 1, 10**9)
    part = _with_samples(found, num_candidates)
    if (fewest := int(part.sizes.min())) < num_candidates:
        raise TableError(
            f"num_candidates: {num_candidates:,} are more than the samples that half of the "
            f"prompts have; give at most {fewest:,}"
        )
    budget = Budget(
        num_candidates=num_candidates,
        tokens=num_candidates * float(mean_lengths(part).mean()),
        labels=labels,
    )
    most = min(int(part.sizes.min()), _REACH * num_candidates)
    methods = _measured(part, budget, most, seed)
    reference = "vote" if "vote" in {each.method for each in methods} else "single"
    return EqualBudgets.of(budget, methods, reference, seed)


def _measured(part: Outcomes, budget: Budget, most: int, seed: int) -> list[MeasuredMethod]:
    """Every method that the samples allow, of at most so many samples of a prompt.

    All see the same orders of the samples, so that chance does not tell them apart.
    """
    n, labels = budget.num_candidates, budget.labels
    orders = random_orders(part, most, seed)
    selection = select(
        part,
        labels=labels,
        num_candidates=n,
        counts=(n,),
        seed=seed,
        draw=lambda samples, count, _: first_of_orders(samples, orders, count),
    )
    methods = _selected(part, selection, n)
    if "vote" in {each.method for each in methods}:
        votes = votes_along(part, orders, _looks(n, most))
        methods += _affordable(budget, votes.looks, lambda cap: _stopped(votes, cap))
        pilot = min(PILOT, n)
        methods += _if_any(adaptive_votes(part, votes, pilot=pilot, n=n, labels=labels, seed=seed))
    sets = first_of_orders(part, orders, n)
    methods += _if_any(pessimistic_best_of_n(part, sets, labels, seed))
    caps = range(n, most + 1)
    methods += _affordable(budget, caps, lambda cap: self_verified(part, cap, labels, seed))
    return methods + _affordable(budget, caps, lambda cap: until_right(part, cap))


def _with_samples(found: Outcomes, n: int) -> Outcomes:
    """The prompts with as many samples as nearly all have, and N if half of them do."""
    kept = found.sizes >= largest_common(found.sizes, n)
    return found if kept.all() else _with_samples(found.of_prompts(kept), n)


def _if_any(measured: MeasuredMethod | None) -> list[MeasuredMethod]:
    return [] if measured is None else [measured]


def _selected(part: Outcomes, selection: Selection, n: int) -> list[MeasuredMethod]:
    """The arms of selection at N, as far as the samples allow."""
    shifts = selection.shifts.get("accuracy", {})
    methods = []
    for arm, values in selection.values["accuracy"].items():
        learned = arm in BY_LEARNED
        methods.append(
            of_all_candidates(
                arm,
                part,
                values[0],
                1 if arm == "single" else n,
                checked=arm == "exact",
                labels=selection.labels if learned else 0,
                shifts=shifts[arm][0] if learned else None,
            )
        )
    return methods


def _looks(n: int, most: int) -> list[int]:
    """After every sample at first, then more rarely; N and the last sample are among them."""
    sparse = range(_DENSE, most, max(1, (most - _DENSE) // _SPARSE))
    return sorted({*range(1, min(_DENSE, most) + 1), *sparse, n, most})


def _stopped(votes: VotesAlong, cap: int) -> MeasuredMethod:
    """The vote of at most so many samples, stopped once it is decided."""
    upto = votes.looks.index(cap) + 1
    part = VotesAlong(
        looks=votes.looks[:upto],
        values=votes.values[:upto],
        leader=votes.leader[:upto],
        rival=votes.rival[:upto],
        tokens=votes.tokens[:upto],
    )
    return stopped_votes(part, ERROR).stopped


def _affordable(
    budget: Budget, caps: Sequence[int], at: Callable[[int], MeasuredMethod | None]
) -> list[MeasuredMethod]:
    """A method at the largest cap that the budget pays for, if the samples allow it at all.

    What it costs needs no label.
    """
    best = at(budget.num_candidates)
    for cap in (cap for cap in caps if cap > budget.num_candidates):
        more = at(cap)
        if best is None or more is None or not budget.pays_for(more):
            break
        best = more
    return _if_any(best)
