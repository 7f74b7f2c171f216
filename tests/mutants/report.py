"""What became of the mutants: a table, and every survivor with its line."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.mutants.places import Mutation
from tests.mutants.trials import End, Trial

Reasons = Mapping[tuple[str, str, str], str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A mutant and its trial.

    Attributes:
      group: of its module.
      mutation: what was altered.
      before, after: the altered line, without the spaces around it.
      trial: how the tests ended.
    """

    group: str
    mutation: Mutation
    before: str
    after: str
    trial: Trial

    @property
    def key(self) -> tuple[str, str, str]:
        """By what the reason of a survivor is looked up: it holds for every such line."""
        return self.mutation.module, self.before, self.after


def altered_lines(source: str, altered: str) -> tuple[str, str]:
    """The first lines that differ, without the spaces around them."""
    changes = difflib.unified_diff(source.splitlines(), altered.splitlines(), n=0, lineterm="")
    # Without the two lines that name files.
    told = [line for line in list(changes)[2:] if line[1:].strip()]
    before = next((line[1:].strip() for line in told if line.startswith("-")), "")
    after = next((line[1:].strip() for line in told if line.startswith("+")), "")
    return before, after


def score(outcomes: Sequence[Outcome], reasons: Reasons) -> float:
    """Share killed, in [0, 1], of the mutants that are other programs and can be imported."""
    counted = [one for one in outcomes if one.trial.end is not End.UNUSABLE
               and not _equivalent(one, reasons)]  # fmt: skip
    killed = sum(one.trial.end is not End.SURVIVED for one in counted)
    return killed / len(counted) if counted else 1.0


def unexplained(outcomes: Sequence[Outcome], reasons: Reasons) -> list[Outcome]:
    """The survivors that no reason is known for."""
    return [one for one in outcomes
            if one.trial.end is End.SURVIVED and one.key not in reasons]  # fmt: skip


def _equivalent(outcome: Outcome, reasons: Reasons) -> bool:
    return outcome.trial.end is End.SURVIVED and outcome.key in reasons


def table(outcomes: Sequence[Outcome], reasons: Reasons) -> str:
    """One line a group and one for all; then the survivors, those without a reason last."""
    rows = [("group", "mutants", *(end.value for end in End), "equivalent", "score")]
    groups = dict.fromkeys(one.group for one in outcomes)
    for group in (*groups, "all"):
        own = [one for one in outcomes if group in (one.group, "all")]
        ends = Counter(one.trial.end for one in own)
        equivalent = sum(_equivalent(one, reasons) for one in own)
        rows.append((group, str(len(own)), *(str(ends[end]) for end in End), str(equivalent),
                     f"{100 * score(own, reasons):.1f} %"))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width
                                                   in zip(row[1:], widths[1:], strict=True))])
             for row in rows]  # fmt: skip
    lines += [f"equivalent: {described(one)}: {reasons[one.key]}"
              for one in outcomes if _equivalent(one, reasons)]  # fmt: skip
    lines += [f"survived: {described(one)}" for one in unexplained(outcomes, reasons)]
    return "\n".join(lines)


def described(outcome: Outcome) -> str:
    """Where it is and what was altered, in one line."""
    where = f"{outcome.mutation.module}:{outcome.mutation.line}"
    return f"{where}: {outcome.before}  ->  {outcome.after}"
