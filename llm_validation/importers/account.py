"""The account of the verdicts of an import: whose they are, why, and what the harness says."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass

from verigap.llm_validation.importers.deciding import speaks_of_form
from verigap.llm_validation.importers.records import Sample, Stated, UnclearVerdict

# An accuracy is printed with three decimals by some harnesses.
_ROUNDING = 5e-4
_MOST_THRESHOLDS = 20
_MOST_SCORES = 100_000


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


class Verdicts:
    """Counts the verdicts of samples as they come."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self.decided_by: Counter[str] = Counter()
        self.incorrect_because: Counter[str] = Counter()
        self.ungraded_because: Counter[str] = Counter()
        self._by_file: Counter[tuple[str, str, bool]] = Counter()
        self._scorers: dict[str, Counter[str]] = {}
        self._stated: list[tuple[str, Stated]] = []
        self._scores: Counter[float] = Counter()

    def add(self, file: str, sample: Sample) -> None:
        """Count one sample."""
        self.decided_by[sample.decided_by] += 1
        self._by_file[file, sample.decided_by, bool(sample.correct)] += 1
        if sample.correct is None:
            self.ungraded_because[sample.reason or "no verdict"] += 1
        elif sample.reason is not None and not sample.correct:
            self.incorrect_because[sample.reason] += 1
        for name, verdict in (sample.verdicts or {}).items():
            tally = self._scorers.setdefault(name, Counter())
            tally["neither" if verdict is None else "correct" if verdict else "incorrect"] += 1
            tally["differs"] += verdict != sample.correct
            tally["decides"] += sample.decided_by.partition(", ")[0].partition(" ")[2] == name
        if sample.score is not None and len(self._scores) < _MOST_SCORES:
            self._scores[sample.score] += 1

    def state(self, file: str, stated: Stated) -> None:
        """Keep what the harness states of a file's samples."""
        self._stated.append((file, stated))

    def scorers(self) -> tuple[ScorerTally, ...]:
        """A tally for every scorer met."""
        return tuple(
            ScorerTally(
                name,
                tally["decides"] > 0,
                tally["correct"],
                tally["incorrect"],
                tally["neither"],
                tally["differs"],
            )
            for name, tally in self._scorers.items()
        )

    def harness(self) -> tuple[HarnessAccuracy, ...]:
        """What was stated beside what was counted, where both are of the same verdicts."""
        found: list[HarnessAccuracy] = []
        for file, stated in self._stated:
            right, wrong = (self._counted(file, stated, verdict) for verdict in (True, False))
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

    def _counted(self, file: str, stated: Stated, verdict: bool) -> int:
        if not stated.whole:
            return self._by_file[file, stated.decided_by, verdict]
        return sum(
            count
            for (_, decided_by, found), count in self._by_file.items()
            if decided_by == stated.decided_by and found == verdict
        )

    def thresholds(self) -> dict[str, float]:
        """The share of samples above each threshold between the scores seen."""
        scores = sorted(self._scores)
        if set(scores) <= {0.0, 1.0}:
            return {}
        total = self._scores.total()
        step = max(1, len(scores) // _MOST_THRESHOLDS)
        kept = scores[:-1:step]
        return {
            f"{score:g}": sum(self._scores[s] for s in scores[bisect_right(scores, score) :])
            / total
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
