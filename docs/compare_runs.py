"""How far the risks of two runs of one configuration are apart, say of two machines.

    python docs/compare_runs.py docs/runs/quickstart runs/quickstart

Differences are shares of H, of every learner's mean, leashed and exact risk in every cell.
"""

import sys

import numpy as np

from verigap.sim.sweeps.stored import read_rows

RISKS = ("mean", "leashed_mean", "exact")
CLOSE = 1e-12


def risks(folder: str) -> dict[str, np.ndarray]:
    """Risks of all learners by cell, as shares of H; NaN where there is none."""
    rows = read_rows(folder)
    return {
        row["cell"]: np.array(
            [[entry[name] for name in RISKS] for entry in row["learners"]], float
        ).ravel()
        / row["horizon"]
        for row in rows
    }


def main() -> None:
    """Print one line."""
    first, second = (risks(folder) for folder in sys.argv[1:3])
    shared = sorted(first.keys() & second.keys())
    apart = np.abs(np.concatenate([first[cell] - second[cell] for cell in shared]))
    apart = apart[np.isfinite(apart)]
    print(
        f"{len(shared)} shared cells of {len(first)} and {len(second)}, {apart.size:,} risks: at "
        f"most {apart.max():.1e} H apart, {(apart <= CLOSE).mean():.1%} within {CLOSE:g} H"
    )


if __name__ == "__main__":
    main()
