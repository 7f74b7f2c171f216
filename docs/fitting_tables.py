"""Print the tables of real data in docs/fitting.md.

    python docs/fitting_tables.py examples/game24_gpt4.parquet [OTHER.parquet ...]

For each (dataset, model) of each file: the mean, pass@N with all N samples, and pass@N predicted
from only the first samples of each prompt, with 95 % intervals, beside the truth.
"""

import sys
from pathlib import Path

from verigap.llm_validation import fit
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.traces import load_traces

FIRST = (10, 25)


def share(statistic: Statistic) -> str:
    """Per cent with the interval."""
    low, high = 100 * statistic.low, 100 * statistic.high
    return f"{100 * statistic.estimate:.2f} [{low:.1f}, {high:.1f}]"


def rows(path: Path) -> list[str]:
    """One Markdown row a group and number of samples."""
    traces = load_traces(path)
    # Coverage is not shown: one budget is enough.
    whole = fit(traces, [64])
    lines = []
    for index, group in enumerate(whole.groups):
        k = group.measured_k
        name = f"{group.counts.dataset} {group.counts.model}"
        truth = group.pass_at_k[k].value
        lines.append(
            f"| {name} | {k} | {share(group.mean_correct)} | pass@{k} = {share(truth)} | | |"
        )
        for first in FIRST:
            part = fit(traces, [64], samples=first, pass_at=[k]).groups[index]
            predicted = part.pass_at_k[k]
            models = " | ".join(share(model) for model in predicted.models.values())
            lines.append(
                f"| {name} | {first} | {share(part.mean_correct)} | {share(predicted.value)} "
                f"| {models} |"
            )
    return lines


def main() -> None:
    """Print one table."""
    print("| data | samples a prompt | mean correct, % | pass@N, % | power law | mixture |")
    print("|---|---|---|---|---|---|")
    for path in sys.argv[1:]:
        print("\n".join(rows(Path(path))), flush=True)


if __name__ == "__main__":
    main()
