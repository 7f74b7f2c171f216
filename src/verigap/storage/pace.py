"""How long work of unlike steps will take: guessed at first, learned from what is done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

# Weight in seconds of the guesses against what was measured so far.
_TRUST = 3.0
# A step that takes longer than expected is taken to have this share of it left.
_LEFT_WHEN_LATE = 0.1


class Pace:
    """Estimates the share of the work that is done, and the time left.

    Example:
      A step of 10 guessed seconds takes 5, so the machine is taken to be faster than guessed.

      >>> now = iter([0.0, 0.0, 5.0, 5.0, 5.0])
      >>> pace = Pace({"compile": 10.0, "run": 2.0}, clock=lambda: next(now))
      >>> pace.plan({"compile": 2, "run": 5})
      >>> pace.begin("compile")
      >>> pace.end()
      >>> round(pace.left(), 2)
      11.15
    """

    def __init__(
        self, guesses: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is planned yet.

        Args:
          guesses: seconds that a step of each kind takes, about. Nothing is estimated while a step
            is ahead of which neither a guess nor its like is known.
          clock: tells seconds.
        """
        self._guesses = dict(guesses)
        self._clock = clock
        self._planned: Counter[str] = Counter()
        self._taken: dict[str, list[float]] = {}
        self._kind: str | None = None
        self._within = 0.0
        self._share = 0.0
        self._start = self._since = clock()

    def plan(self, steps: Mapping[str, int]) -> None:
        """Say how many steps of each kind are ahead, the present one not counted."""
        self._planned = Counter()
        self.add(steps)

    def add(self, steps: Mapping[str, int]) -> None:
        """Say how many more, or fewer, steps of each kind are ahead."""
        for kind, count in steps.items():
            self._planned[kind] = max(0, self._planned[kind] + count)

    def begin(self, kind: str) -> None:
        """A step begins, and is no longer ahead."""
        self.skip(kind)
        self._kind, self._within, self._since = kind, 0.0, self._clock()

    def within(self, share: float) -> None:
        """Say which share of the present step is done."""
        self._within = min(max(share, 0.0), 1.0)

    def end(self) -> None:
        """The present step is done."""
        if self._kind is not None:
            self._taken.setdefault(self._kind, []).append(self._clock() - self._since)
        self._kind = None

    def took(self, kind: str, seconds: float) -> None:
        """A step that was ahead was done elsewhere; seconds that it kept the work from its end."""
        self.skip(kind)
        self._taken.setdefault(kind, []).append(seconds)

    def skip(self, kind: str) -> None:
        """A planned step is not ahead any more."""
        self.add({kind: -1})

    def left(self) -> float | None:
        """Seconds to the end, about; None where nobody knows."""
        kinds = {kind for kind, count in self._planned.items() if count} | {self._kind} - {None}
        if not kinds <= {*self._guesses, *self._taken}:
            return None
        ahead = sum(count * self._expected(kind) for kind, count in self._planned.items() if count)
        if self._kind is None:
            return ahead
        whole, spent = self._expected(self._kind), self._clock() - self._since
        rest = whole - spent if self._within == 0.0 else whole * (1.0 - self._within)
        return ahead + max(rest, _LEFT_WHEN_LATE * whole)

    def share(self) -> float | None:
        """Share of the work that is done, which never falls; None where nobody knows."""
        spent, left = self._clock() - self._start, self.left()
        if left is None:
            return None
        if spent + left > 0:
            self._share = max(self._share, spent / (spent + left))
        return self._share

    def _expected(self, kind: str) -> float:
        """Seconds of a step: as its like took, or as guessed, on a machine of this speed."""
        if taken := self._taken.get(kind):
            return sum(taken) / len(taken)
        known = {each: taken for each, taken in self._taken.items() if each in self._guesses}
        guessed = sum(self._guesses[each] * len(taken) for each, taken in known.items())
        took = sum(map(sum, known.values()))
        return self._guesses[kind] * (took + _TRUST) / (guessed + _TRUST)
