"""The account of the verdicts of an import: whose they are, why, and what the harness says."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from verigap.llm_validation.importers.deciding import speaks_of_form
from verigap.llm_validation.importers.records import Sample, Stated, UnclearVerdict

# An accuracy is printed with three decimals by some harnesses.
_ROUNDING = 5e-4
_MOST_THRESHOLDS = 20


@dataclass(frozen=True)
class ScorerTally:
    """What a scorer in the log says of the samples.

    Attributes:
      name: of the scorer or metric.
      decides: whether its verdict is the one taken.
      correct: samples it calls correct.
      incorrect: samples it calls incorrect.
      neither: samples of which it says neither.
      differs: samples of which it says other than the verdict taken.
    """

    name: str
    decides: bool
    correct: int
    incorrect: int
    neither: int
    differs: int


@dataclass(frozen=True)
class HarnessAccuracy:
    """An accuracy that the log states, beside the share of correct samples here.

    Attributes:
      file: of the samples.
      name: what the harness calls it.
      stated: its value.
      found: correct samples over samples, ungraded ones counted as incorrect.
      samples: how many those are.
      of: what the stated value is a mean of, where that is not every sample.
      agrees: whether the two are equal up to rounding.
    """

    file: str
    name: str
    stated: float
    found: float
    samples: int
    of: str
    agrees: bool


class _Kind(NamedTuple):
    """What the account tells of samples that are alike."""

    file: str
    decided_by: str
    correct: bool | None
    reason: str | None
    verdicts: tuple[tuple[str, bool | None], ...]


class Verdicts:
    """Counts the verdicts of samples as they come; any of them can be taken back."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        # Four bytes a sample: the number of its kind.
        self._kinds: dict[_Kind, int] = {}
        self._rows = array("I")
        self._scores = array("d")
        self._removed: set[int] = set()
        self._stated: list[tuple[str, Stated]] = []

    def add(self, file: str, sample: Sample) -> None:
        """Count one sample."""
        kind = _Kind(
            file,
            sample.decided_by,
            sample.correct,
            sample.reason,
            tuple(sample.verdicts.items()) if sample.verdicts else (),
        )
        self._rows.append(self._kinds.setdefault(kind, len(self._kinds)))
        if sample.score is not None or self._scores:
            # Those before the first score have none.
            self._scores.extend([math.nan] * (len(self._rows) - 1 - len(self._scores)))
            self._scores.append(math.nan if sample.score is None else sample.score)

    def remove(self, row: int) -> None:
        """Take back the sample that came as number `row`, from 0."""
        self._removed.add(row)

    def decided_by(self) -> Counter[str]:
        """Samples by what decided."""
        return self._counted(lambda kind: kind.decided_by)

    def ungraded_because(self) -> Counter[str]:
        """Ungraded samples by reason."""
        return self._counted(
            lambda kind: (kind.reason or "no verdict") if kind.correct is None else None
        )

    def incorrect_because(self) -> Counter[str]:
        """Incorrect samples that have a reason, by it."""
        return self._counted(lambda kind: kind.reason if kind.correct is False else None)

    def _counted(self, name: Callable[[_Kind], str | None]) -> Counter[str]:
        found: Counter[str] = Counter()
        for kind, count in self._tally():
            told = name(kind)
            if told is not None:
                found[told] += count
        return found

    def _tally(self) -> list[tuple[_Kind, int]]:
        """Kinds that samples were of, in the order they came, with their numbers."""
        counts = Counter(self._rows)
        counts.subtract(self._rows[row] for row in self._removed)
        return [(kind, counts[number]) for kind, number in self._kinds.items() if counts[number]]

    def state(self, file: str, stated: Stated) -> None:
        """Keep what the harness states of a file's samples."""
        self._stated.append((file, stated))

    def scorers(self) -> tuple[ScorerTally, ...]:
        """A tally for every scorer met."""
        found: dict[str, Counter[str]] = {}
        for kind, count in self._tally():
            deciding = kind.decided_by.partition(", ")[0].partition(" ")[2]
            for name, verdict in kind.verdicts:
                tally = found.setdefault(name, Counter())
                said = "neither" if verdict is None else "correct" if verdict else "incorrect"
                tally[said] += count
                tally["differs"] += count * (verdict != kind.correct)
                tally["decides"] += count * (deciding == name)
        return tuple(
            ScorerTally(
                name,
                tally["decides"] > 0,
                tally["correct"],
                tally["incorrect"],
                tally["neither"],
                tally["differs"],
            )
            for name, tally in found.items()
        )

    def harness(self) -> tuple[HarnessAccuracy, ...]:
        """What was stated beside what was counted, where both are of the same verdicts."""
        found: list[HarnessAccuracy] = []
        for file, stated in self._stated:
            right, wrong = (self._stated_of(file, stated, verdict) for verdict in (True, False))
            samples = right + wrong
            if samples:
                share = right / samples
                agrees = abs(share - stated.value) <= _ROUNDING
                found.append(
                    HarnessAccuracy(
                        file, stated.name, stated.value, share, samples, stated.of, agrees
                    )
                )
        return tuple(found)

    def _stated_of(self, file: str, stated: Stated, verdict: bool) -> int:
        """Samples with a verdict among those that a stated accuracy is of."""
        return sum(
            count
            for kind, count in self._tally()
            if kind.decided_by == stated.decided_by
            and bool(kind.correct) == verdict
            and (stated.whole or kind.file == file)
        )

    def thresholds(self) -> dict[str, float]:
        """The share of samples above each threshold between the scores seen."""
        counts = Counter(score for score in self._scores if score == score)
        counts.subtract(
            self._scores[row]
            for row in self._removed
            if row < len(self._scores) and self._scores[row] == self._scores[row]
        )
        scores = sorted(score for score, count in counts.items() if count)
        if set(scores) <= {0.0, 1.0}:
            return {}
        total = counts.total()
        step = max(1, len(scores) // _MOST_THRESHOLDS)
        kept = scores[:-1:step]
        return {
            f"{score:g}": sum(counts[s] for s in scores[bisect_right(scores, score) :]) / total
            for score in kept
        }


class ScoreRange:
    """The values of a score that is neither 0 nor 1, for one line that refuses it."""

    def __init__(self, place: str, first: UnclearVerdict, more: int) -> None:
        """The first of them; up to `more` further records are looked at."""
        self._place, self._first, self._left = place, first, more
        self._seen = {first.value: None}

    def wants(self, outcome: object) -> bool:
        """Look at one more record; whether another one may follow."""
        if isinstance(outcome, UnclearVerdict):
            self._seen[outcome.value] = None
        self._left -= 1
        return self._left > 0

    def refusal(self) -> str:
        """What is wrong, and what to do."""
        seen = list(self._seen)
        listed = ", ".join(seen[:6]) + (", ..." if len(seen) > 6 else "")
        others = [name for name in self._first.others if not speaks_of_form(name)]
        choice = f", or choose another score: {', '.join(others)}" if others else ""
        remedy = (
            "say above which value a sample is correct with `correct_above`"
            if self._first.number
            else "write 1 or 0, true or false, or nothing where there is no verdict"
        )
        return f"{self._place}: {self._first} (values seen: {listed}); {remedy}{choice}"
