"""A sample of the mutants of a group, each tried on the tests that reach its line."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import reach
from tests.mutants.groups import GROUPS, matching
from tests.mutants.places import Mutation, mutant, sample
from tests.mutants.report import Outcome, altered_lines, described
from tests.mutants.trials import Copy, End, Trial

MEASURING = {
    # The package that measures lies there alone: the tests keep their versions of all others.
    "PYTHONPATH": str(Path(sys.prefix) / "coverage"),
    # Few examples say what a test reaches.
    "VERIGAP_HYPOTHESIS_EXAMPLES": "5",
}
"""Environment variables while it is measured what tests reach."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """How mutants are tried.

    Attributes:
      root: of the repository.
      names: its files.
      copies: of the repository, each for one process at a time.
      number: of mutants of each group.
      seed: of the sample.
      limit: seconds that the tests of a mutant took together when they were measured, at most.
    """

    root: Path
    names: Sequence[str]
    copies: Sequence[Copy]
    number: int
    seed: int
    limit: float

    def measured(self, group: str) -> reach.Reach | None:
        """What the tests of a group reach, measured if it is not kept; None where one fails."""
        modules = matching(self.names, GROUPS[group].modules)
        tests = matching(self.names, GROUPS[group].tests)
        sources = [(self.root / name).read_bytes()
                   for name in (*modules, *tests, "tests/mutants/contexts.py")]  # fmt: skip
        kept = self.root / "build" / "mutants" / f"{group}-{reach.digest(sources)}"
        if not (kept / "passed").exists():
            done = self.copies[0].run([*reach.words(kept, modules), *tests], 7200.0, MEASURING)
            print(f"{group}: {len(tests)} files of tests, measured in {done.seconds:.0f} s",
                  flush=True)  # fmt: skip
            if done.end is not End.SURVIVED:
                print(f"{group}: {done.test} fails without a mutant", file=sys.stderr)
                return None
            (kept / "passed").touch()
        return reach.read(kept, modules)

    def outcomes(self, group: str, reached: reach.Reach, end: float) -> list[Outcome]:
        """Try mutants of a group, and begin none after a time of the monotonic clock."""
        modules = matching(self.names, GROUPS[group].modules)
        sources = {module: (self.root / module).read_text() for module in modules}
        idle: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for copy in self.copies:
            idle.put(copy)

        def one(mutation: Mutation) -> Outcome | None:
            if time.monotonic() > end:
                return None
            copy = idle.get()
            try:
                return self._outcome(group, mutation, sources, reached, copy)
            finally:
                idle.put(copy)

        with ThreadPoolExecutor(len(self.copies)) as pool:
            found = list(pool.map(one, sample(sources, self.number, self.seed)))
        return [outcome for outcome in found if outcome is not None]

    def _outcome(
        self, group: str, mutation: Mutation, sources: Mapping[str, str], reached: reach.Reach,
        copy: Copy,
    ) -> Outcome:  # fmt: skip
        source = sources[mutation.module]
        altered = mutant(source, mutation)
        assert altered is not None
        line = reach.statement(source, mutation.line)
        tests = reached.tests(mutation.module, line, self.limit)
        trial = Trial(end=End.SURVIVED, seconds=0.0)
        if tests:
            # All examples of Hypothesis take ten times as long as the few, or more.
            timeout = 120.0 + 30.0 * sum(reached.seconds[test] for test in tests)
            trial = copy.try_out(mutation.module, altered, tests, timeout)
        before, after = altered_lines(source, altered)
        outcome = Outcome(group=group, mutation=mutation, before=before, after=after, trial=trial)
        by = trial.test or f"{len(tests)} tests"
        print(f"{trial.seconds:5.0f} s {trial.end.value}, {by}: {described(outcome)}", flush=True)
        return outcome
