"""Print the score table of docs/predicting.md.

    python docs/prediction_score.py TRACES.parquet:64,96,128 ... RUN_FOLDER ...

A trace table is measured and predicted at the given budgets (its own default ones without any),
a run of trained networks at its own. Rows: each group and method, scored on the cells beyond the
calibration slice.
"""

import sys
from dataclasses import replace
from pathlib import Path

import jax

from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.predicting.planted import score_planted
from verigap.llm_validation.predicting.predict import predict
from verigap.llm_validation.predicting.scoring import MethodScore, score
from verigap.llm_validation.traces import load_traces
from verigap.sim.sweeps.stored import read_rows

jax.config.update("jax_enable_x64", True)


def row(name: str, method: MethodScore) -> str:
    """One Markdown row."""
    numbers = (
        method.sign_accuracy,
        method.relative_error,
        method.coverage,
        method.rank_correlation,
    )
    shown = " | ".join("–" if number != number else f"{number:.2f}" for number in numbers)
    return f"| {name} | {method.method} | {method.cells} ({method.clear}) | {shown} |"


def of_traces(path: Path, budgets: list[int] | None) -> list[str]:
    """Rows of every group of a trace table."""
    traces = load_traces(path)
    measured = measure(traces, budgets)
    rows = []
    for prediction, own in zip(predict(traces, budgets, measured=measured), measured, strict=True):
        size, low, high = (f"{bits:.3g}" for bits in prediction.log2_class_size)
        sure = f"{100 * prediction.chosen_probability:.0f} %"
        name = f"{own.dataset} {own.model} (d = {size} [{low}, {high}])"
        chosen, *others = score(prediction, own).methods
        rows.append(row(name, replace(chosen, method=f"chosen: {prediction.chosen} ({sure})")))
        rows += [row(name, method) for method in others]
    return rows


def of_run(folder: Path) -> list[str]:
    """Rows of both families of a run of trained networks."""
    cells = read_rows(folder)
    rows = []
    for family, size, methods in score_planted(cells):
        rows += [row(f"planted {family} (d = {size:.3g})", method) for method in methods]
    return rows


def main() -> None:
    """Print one table."""
    print(
        "| data (calibrated d) | method | held-out cells (clear) | sign | "
        "relative error | coverage | rank |"
    )
    print("|---|---|---|---|---|---|---|")
    for argument in sys.argv[1:]:
        path, _, budgets = argument.partition(":")
        if Path(path).is_dir():
            rows = of_run(Path(path))
        else:
            rows = of_traces(Path(path), [int(h) for h in budgets.split(",")] if budgets else None)
        print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
