"""Alter modules and see whether their tests notice: `python -m tests.mutants [--mutants 100]`.

Exit code 1 where a mutant survives for no known reason, 2 where the tests fail without one.
"""

from __future__ import annotations

import argparse
import queue
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.equivalents import REASONS
from tests.mutants.groups import GROUPS, matching, nearest_first, tracked
from tests.mutants.places import Mutation, mutant, sample
from tests.mutants.report import Outcome, altered_lines, described, table, unexplained
from tests.mutants.trials import Copy, End

ROOT = Path(__file__).parents[2]


def campaign(
    group: str, names: Sequence[str], copies: Sequence[Copy], number: int, seed: int, end: float
) -> list[Outcome] | None:
    """Try so many mutants of a group; None where its tests fail without any.

    Args:
      group: its name.
      names: files of the repository.
      copies: of the repository, each for one process at a time.
      number: of mutants.
      seed: of the sample.
      end: on the monotonic clock, after which no mutant is begun.
    """
    modules = matching(list(names), GROUPS[group].modules)
    tests = matching(list(names), GROUPS[group].tests)
    sources = {module: (ROOT / module).read_text() for module in modules}
    sound = copies[0].test(tests, timeout=3600.0)
    print(f"{group}: {len(tests)} files of tests take {sound.seconds:.0f} s", flush=True)
    if sound.end is not End.SURVIVED:
        print(f"{group}: {sound.test} fails without a mutant", file=sys.stderr)
        return None
    idle: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        idle.put(copy)

    def one(mutation: Mutation) -> Outcome | None:
        if time.monotonic() > end:
            return None
        source = sources[mutation.module]
        altered = mutant(source, mutation)
        assert altered is not None
        copy = idle.get()
        try:
            trial = copy.try_out(mutation.module, altered, nearest_first(tests, mutation.module),
                                 timeout=60.0 + 4.0 * sound.seconds)  # fmt: skip
        finally:
            idle.put(copy)
        before, after = altered_lines(source, altered)
        outcome = Outcome(group=group, mutation=mutation, before=before, after=after, trial=trial)
        by = f" by {trial.test}" if trial.test else ""
        print(f"{trial.seconds:5.0f} s {trial.end.value}{by}: {described(outcome)}", flush=True)
        return outcome

    drawn = sample(sources, number, seed)
    with ThreadPoolExecutor(len(copies)) as pool:
        return [outcome for outcome in pool.map(one, drawn) if outcome is not None]


def main() -> int:
    """Share the mutants among the groups, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100, help="of all groups together")
    parser.add_argument("--seconds", type=float, default=1800.0, help="begin none after these")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the tests")
    asked = parser.parse_args()
    groups, names = asked.only or list(GROUPS), tracked(ROOT)
    # Not resolved: the path is what says which environment the interpreter belongs to.
    python = asked.python.absolute()
    copies = [Copy(ROOT, names, ROOT / "build" / "mutants" / str(number), python)
              for number in range(asked.jobs)]  # fmt: skip
    began, outcomes = time.monotonic(), list[Outcome]()
    for place, group in enumerate(groups, 1):
        end = began + asked.seconds * place / len(groups)
        found = campaign(group, names, copies, -(-asked.mutants // len(groups)), asked.seed, end)
        if found is None:
            return 2
        outcomes += found
    print(table(outcomes, REASONS))
    return 1 if unexplained(outcomes, REASONS) else 0


if __name__ == "__main__":
    # Where the folder is started from elsewhere.
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
