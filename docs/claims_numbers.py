"""Numbers of docs/claims.md that `verigap check` does not print, from a run of quickstart.yaml.

Usage: python docs/claims_numbers.py docs/runs/quickstart
"""

import sys

import polars as pl

from verigap.sim.sweeps.stored import stored_cells
from verigap.storage.run_store import RunStore

ROUNDING = 1e-6


def gaps(folder: str) -> pl.DataFrame:
    """One row a cell of the relabelling game, with J_VB - J_VF on the same leash (tokens)."""
    cells = stored_cells(RunStore.read_only(folder)).filter(pl.col("game") == "relabelling")
    key = ["cell", "block", "horizon", "data_budget", "log2_class_size", "sd"]
    risks = cells.select(*key, "learners").explode("learners").unnest("learners")
    wide = risks.pivot("learner", index=key, values="leashed_mean")
    return wide.with_columns(gap=pl.col("vf-mle") - pl.col("vb-pessimism"))


def main() -> None:
    """Signs of the gap over all cells, and the gap by sd at H = n = 1024, d = 40."""
    table = gaps(sys.argv[1])
    ahead, behind = table.filter(pl.col("gap") > ROUNDING), table.filter(pl.col("gap") < -ROUNDING)
    equal = table.height - ahead.height - behind.height
    print(f"cells {table.height}: VB ahead {ahead.height}, equal {equal}, VF ahead {behind.height}")
    print("VF ahead in the blocks", ", ".join(sorted(set(behind["block"]))))
    two_level = table.filter(
        (pl.col("block") == "two-level")
        & (pl.col("horizon") == 1024)
        & (pl.col("data_budget") == 1024)
        & (pl.col("log2_class_size") == 40)
    )
    for sd, gap in two_level.sort("sd").select("sd", "gap").iter_rows():
        print(f"H = n = 1024, d = 40, sd {sd:.1f}: gap {gap:.2f} tokens")


if __name__ == "__main__":
    main()
