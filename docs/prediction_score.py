"""Print the score table of docs/predicting.md.

    python docs/prediction_score.py [--splits 8] TRACES.parquet:64,96,128 ...

Every group of a trace table is scored on other prompts at the given budgets (its own default ones
without any): predicted from one half of its prompts and compared with what the other half shows,
in the cells beyond the calibration slice.
"""

import argparse
from collections.abc import Iterator

import jax

from verigap.llm_validation.measuring.measure import default_data_budgets, default_horizons
from verigap.llm_validation.pools.pools import verified_pools
from verigap.llm_validation.predicting.scoring import MethodScore, PredictionScore, score
from verigap.llm_validation.traces import load_traces

jax.config.update("jax_enable_x64", True)


def row(found: PredictionScore, method: MethodScore) -> str:
    """One Markdown row."""
    shares = method.sign_accuracy, method.relative_error, method.coverage
    sign, error, coverage = ("–" if share != share else f"{share:.2f}" for share in shares)
    return (
        f"| {found.dataset} {found.model} | {found.prompts} | {method.method} | {method.cells} "
        f"({method.clear}) | {sign} | {method.absolute_error:.3g} | {error} | {coverage} |"
    )


def scores(argument: str, splits: int) -> Iterator[PredictionScore]:
    """Of every group of a trace table, given as PATH or PATH:H,H,..."""
    path, _, budgets = argument.partition(":")
    for pools in verified_pools(load_traces(path)):
        horizons = [int(h) for h in budgets.split(",")] if budgets else default_horizons(pools)
        yield score(pools, horizons, default_data_budgets(pools), splits=splits)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--splits", type=int, default=8)
    arguments = parser.parse_args()
    print(
        "| data | prompts a half | method | comparisons (clear) | sign | mean error | "
        "relative error | coverage |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    errors: dict[str, list[float]] = {}
    for argument in arguments.tables:
        for found in scores(argument, arguments.splits):
            for method in found.methods:
                print(row(found, method), flush=True)
                errors.setdefault(method.method, []).append(method.relative_error)
    for name, each in errors.items():
        mean = sum(each) / len(each)
        print(f"| mean of {len(each)} groups | | {name} | | | | {mean:.2f} | |")


if __name__ == "__main__":
    main()
