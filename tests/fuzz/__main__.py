"""Fuzz every reader: `python -m tests.fuzz [--seconds 600] [--only NAME]`; exit 1 on a defect."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.campaign import ROOT, fuzz, table
from tests.fuzz.targets import targets


def main() -> int:
    """Share the time among the targets, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for all targets together")
    parser.add_argument("--only", action="append", help="a target; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without Atheris")
    asked = parser.parse_args()
    names = asked.only or list(targets())
    guided = not asked.plain
    if guided and importlib.util.find_spec("atheris") is None:
        print("Atheris is not installed: mutations without guidance (make fuzz has it)")
        guided = False
    folder = ROOT / "build" / "fuzz" / time.strftime("%Y%m%dT%H%M%S")

    def one(name: str):
        at = folder / name.replace(" ", "-")
        return fuzz(name, asked.seconds * asked.jobs / len(names), at, guided=guided,
                    seed=asked.seed)  # fmt: skip

    with ThreadPoolExecutor(asked.jobs) as pool:
        accounts = list(pool.map(one, names))
    print(table(accounts))
    return 1 if any(a.defects or not a.inputs for a in accounts) else 0


if __name__ == "__main__":
    # Where the folder is started from elsewhere.
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main())
