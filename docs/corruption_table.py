"""Table of docs/bounds.md: which corruptions of which bounds a run would show.

Usage: python docs/corruption_table.py RUN
"""

import sys
from itertools import groupby

from verigap.sim.checks import check
from verigap.sim.checks.corrupted import Caught, catch_corruptions
from verigap.sim.sweeps import read_rows
from verigap.theory.bounds.corruptions import CORRUPTIONS


def shown(found: Caught, blocks: dict[str, str]) -> str:
    """Blocks of the cells that show a corruption."""
    if not found.changes:
        return "–"
    names = list(dict.fromkeys(blocks[cell] for cell in found.cells))
    return names[0] if names else "**unseen**"


def main() -> None:
    """One row a bound: its factor, and for each corruption the first block that shows it."""
    rows = read_rows(sys.argv[1])
    blocks = {row["cell"]: row["block"] for row in rows}
    factors = {verdict.name: verdict.smallest_detectable for verdict in check(rows).verdicts}
    print("| bound | caught from |", " | ".join(way.title for way in CORRUPTIONS.values()), "|")
    print(f"|---|---|{'---|' * len(CORRUPTIONS)}")
    for bound, found in groupby(catch_corruptions(rows), lambda each: each.bound):
        factor = factors[bound]
        least = "none" if factor is None else f"{factor:.5g}"
        print(f"| {bound} | {least} |", " | ".join(shown(each, blocks) for each in found), "|")


if __name__ == "__main__":
    main()
