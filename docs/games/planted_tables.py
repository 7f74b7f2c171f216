"""Print the tables of docs/games/planted-subsequence.md.

    PYTHONPATH=src python docs/games/planted_tables.py

Every number is exact up to rounding, and the same for every hidden map: no trace is sampled.
"""

import jax

from verigap.sim.planted.automata import truncate
from verigap.sim.planted.bases import FAMILIES, planted_base
from verigap.sim.planted.oracle import OracleSummary, oracle_table, summarise
from verigap.sim.planted.task import all_prompts, draw_task

SETTINGS = ((2, 8, 24), (3, 8, 24), (3, 8, 64), (3, 8, 128))
"""k, V and the horizon at which the means are matched."""

CUTS = (1.0, 0.75, 0.5, 0.25)
"""Horizons of the second table, as shares of the matched one."""

CHI2_RADIUS = 1.0


def summary(symbols: int, vocabulary: int, matched: int, family: str, cut: float) -> OracleSummary:
    """Exact facts about one base, matched at one horizon and cut off at a share of it."""
    task = draw_task(jax.random.key(0), symbols, vocabulary)
    base = planted_base(task, all_prompts(task), family, horizon=matched)
    horizon = round(cut * matched)
    return summarise(oracle_table(truncate(base, horizon), CHI2_RADIUS), horizon)


def row(*cells: object) -> str:
    """One line of a Markdown table, numbers to three digits."""
    shown = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells)
    return "| " + " | ".join(shown) + " |"


def matched_table() -> list[str]:
    """Both bases at the horizon at which they are matched."""
    lines = [
        row("k", "V", "H", "base", "μ/H", "σ/H", "σ_be/H", "J*/H", "c", "min c*", "min α"),
        "|" + "---|" * 11,
    ]
    for symbols, vocabulary, horizon in SETTINGS:
        for family in FAMILIES:
            facts = summary(symbols, vocabulary, horizon, family, 1.0)
            lines.append(row(symbols, vocabulary, horizon, family, *facts))
    return lines


def truncated_table() -> list[str]:
    """Means and heterogeneities of the same bases, cut off at shorter horizons."""
    lines = [
        row("k", "V", "H_max", "H", "μ/H low", "μ/H high", "σ/H low", "σ/H high"),
        "|" + "---|" * 8,
    ]
    for symbols, vocabulary, matched in SETTINGS:
        for cut in CUTS:
            low, high = (summary(symbols, vocabulary, matched, f, cut) for f in FAMILIES)
            shares = (low.mean, high.mean, low.median_sd, high.median_sd)
            lines.append(row(symbols, vocabulary, matched, round(cut * matched), *shares))
    return lines


def main() -> None:
    """Print both tables."""
    jax.config.update("jax_enable_x64", True)
    print("\n".join([*matched_table(), "", *truncated_table()]))


if __name__ == "__main__":
    main()
