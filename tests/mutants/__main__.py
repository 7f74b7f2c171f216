"""Alter modules and see whether their tests notice: `python -m tests.mutants [--mutants 100]`.

Exit code 1 where a mutant survives for no known reason, 2 where the tests fail without one.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.mutants.campaign import Campaign
from tests.mutants.equivalents import REASONS
from tests.mutants.groups import GROUPS, tracked
from tests.mutants.report import Outcome, table, unexplained
from tests.mutants.trials import Copy

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Share the mutants among the groups, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100, help="of all groups together")
    parser.add_argument("--seconds", type=float, default=1800.0, help="for trying mutants")
    parser.add_argument("--test-seconds", type=float, default=60.0, help="of tests for a mutant")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the tests")
    asked = parser.parse_args()
    groups, names = asked.only or list(GROUPS), tracked(ROOT)
    # Not resolved: the path is what says which environment the interpreter belongs to.
    python = asked.python.absolute()
    copies = [Copy(ROOT, names, ROOT / "build" / "mutants" / f"copy-{number}", python)
              for number in range(asked.jobs)]  # fmt: skip
    share = -(-asked.mutants // len(groups))
    campaign = Campaign(root=ROOT, names=names, copies=copies, number=share, seed=asked.seed,
                        limit=asked.test_seconds)  # fmt: skip
    outcomes = list[Outcome]()
    for group in groups:
        reached = campaign.measured(group)
        if reached is None:
            return 2
        end = time.monotonic() + asked.seconds / len(groups)
        outcomes += campaign.outcomes(group, reached, end)
    print(table(outcomes, REASONS))
    return 1 if unexplained(outcomes, REASONS) else 0


if __name__ == "__main__":
    # Where the folder is started from elsewhere.
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
