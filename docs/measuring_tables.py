"""Print the table of real data in docs/measuring.md.

    python docs/measuring_tables.py examples/game24_gpt4.parquet [OTHER.parquet ...]

Values in tokens, gaps as shares of the budget with 95 % intervals; a star marks budgets beyond the
longest trace.
"""

import sys
from pathlib import Path

from verigap.cli.options import prepare_jax
from verigap.llm_validation.intervals import Statistic

VALUES = ("base", "expert", "clone_leashed", "verify_leashed", "vote", "verify", "exact")


def share(statistic: Statistic, horizon: int) -> str:
    """A share of the budget with its interval."""
    middle, low, high = (end / horizon for end in statistic)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def rows(path: Path) -> list[str]:
    """One Markdown row a cell."""
    from verigap.llm_validation.measuring.measure import measure
    from verigap.llm_validation.traces import load_traces

    lines = []
    for group in measure(load_traces(path)):
        for cell in group.cells():
            values = " | ".join(f"{cell.values[name].estimate:.2f}" for name in VALUES)
            budget = f"{cell.horizon}{'*' if cell.extrapolated else ''}"
            gaps = (share(gap, cell.horizon) for gap in (cell.gap, cell.gap_unleashed))
            name = f"{group.dataset} {group.model}"
            lines.append(
                f"| {name} | {budget} | {cell.data_budget} | {values} | {' | '.join(gaps)} |"
            )
    return lines


def main() -> None:
    """Print one table."""
    prepare_jax()
    names = " | ".join(name.replace("_", " ") for name in VALUES)
    print(f"| data | H | n | {names} | gap, same leash / H | gap, unleashed / H |")
    print("|---" * (len(VALUES) + 5) + "|")
    for path in sys.argv[1:]:
        print("\n".join(rows(Path(path))), flush=True)


if __name__ == "__main__":
    main()
