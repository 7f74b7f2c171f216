"""Measure every target in one run and exit 1 if one is missed."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import TARGET

ROOT = Path(__file__).resolve().parent.parent


def measure(task: str, folder: str) -> dict[str, Any]:
    """Result of one task, run in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.tasks", task, folder]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def time_run(folder: str) -> float:
    """Seconds of the three commands of `make run`, in a folder of their own."""
    verigap = str(Path(sys.executable).with_name("verigap"))
    laws = Path(folder) / "runs" / "quickstart-laws.parquet"
    config = Path(folder) / "configs" / "quickstart.yaml"
    config.parent.mkdir()
    config.write_bytes((ROOT / "configs" / "quickstart.yaml").read_bytes())
    traces = str(ROOT / "examples" / "game24_gpt4.parquet")
    run = str(Path(folder) / "runs" / "quickstart")
    start = time.perf_counter()
    for arguments in (
        ["laws", traces, "--horizon", "64,96,128,192", "--out", str(laws)],
        ["sweep", str(config), "--out", run],
        ["check", run],
    ):
        subprocess.run([verigap, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median with the range."""
    middle, low, high = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} ({low} to {high})"


def transformer_lines(
    training: dict[str, Any], sampling: dict[str, Any]
) -> list[tuple[str, str, str, bool]]:
    """What was measured of the transformer: text, value, target, and whether it is met."""
    ours, theirs = zip(*training["pairs"], strict=True)
    ratios = [mine / other for mine, other in training["pairs"]]
    sizes = f"{training['parameters']:,} parameters against {training['torch']['parameters']:,}"
    return [
        (
            f"training tokens/s over a GPT-2 in PyTorch {training['torch']['torch']}, {sizes}",
            f"ratio {spread(ratios)}; {spread(ours, 0)} against {spread(theirs, 0)}",
            "median at least 1",
            statistics.median(ratios) >= 1,
        ),
        (
            "cached over uncached sampling, H = 128, batch 64",
            f"ratio {spread(sampling['ratios'])}; "
            f"{spread(sampling['tokens_per_second'], 0)} tokens/s",
            "median at least 5",
            statistics.median(sampling["ratios"]) >= 5,
        ),
        (
            "time of a sampled trace ~ H^a, H = 16 to 128, batch 64",
            f"a = {spread(sampling['exponents'])}",
            "median at most 1.5",
            statistics.median(sampling["exponents"]) <= 1.5,
        ),
    ]


def game_lines(
    enumerated: dict[str, Any], exact: dict[str, Any]
) -> list[tuple[str, str, str, bool]]:
    """What was measured of the game against plain NumPy: text, value, target, whether it is met."""
    lines = []
    for size, target in (("12", 150), ("18", 5000)):
        ratios = [slow / fast for slow, fast in enumerated["pairs"][size]]
        lines.append(
            (
                f"VF-Bayes by enumeration in NumPy over a sweep of it, a replicate, d = {size}",
                f"ratio {spread(ratios, 0)}",
                f"median at least {target:,}",
                statistics.median(ratios) >= target,
            )
        )
    ratios = [slow / fast for slow, fast in exact["pairs"]]
    lines.append(
        (
            f"Monte Carlo to a standard error of 1e-3 ({exact['needed']:,.0f} replicates, timed on "
            f"{exact['timed']}) over the closed form of P(VF-MLE is right), d = 12",
            f"ratio {spread(ratios, 0)}; drawn {spread(exact['drawn'], 3)}, "
            f"exact {exact['exact']:.3f}",
            "median at least 1,000",
            statistics.median(ratios) >= 1000,
        )
    )
    return lines


def main() -> int:
    """Print one line a target."""
    with tempfile.TemporaryDirectory() as folder:
        jax_side = measure("sweep", folder)
        numpy_side = measure("numpy", folder)
        sizes = measure("class_size", folder)
        enumerated, exact = measure("enumeration", folder), measure("exact", folder)
        harness = measure("harness", folder)
        whole = time_run(folder)
        training = measure("training", folder)
        sampling = measure("sampling", folder)
        imported, graded = measure("import", folder), measure("import_graded", folder)
        fitted, scripted = measure("fit", folder), measure("fit_plain", folder)
    again = jax_side["again"]
    ratios = [ours / theirs for ours in again for theirs in numpy_side["again"]]
    by_size = [large / small for small, large in sizes["pairs"]]
    speedups = [theirs / ours for ours in fitted["again"] for theirs in scripted["again"]]
    peak = max(jax_side["peak_mib"], sizes["peak_mib"])
    lines = [
        (
            "VF-Bayes sweep, 1,000 cells, d = 40, n <= 4,096, 1,000 replicates a cell, first call",
            f"{jax_side['first']:.1f} s, compilation included",
            "under 30 s",
            jax_side["first"] < 30,
        ),
        ("the same sweep again", f"{spread(again)} s", "", True),
        (
            "the same sweep over plain NumPy on one core",
            f"ratio {spread(ratios)}; NumPy {spread(numpy_side['again'])} s",
            "",
            True,
        ),
        ("peak memory of the sweeps", f"{peak:.0f} MiB", "under 2,048 MiB", peak < 2048),
        (
            "time at d = 48 over time at d = 12, 200 cells",
            f"ratio {spread(by_size)}",
            "median at most 1.05",
            statistics.median(by_size) <= 1.05,
        ),
        *game_lines(enumerated, exact),
        (
            f"share of the harness in a sweep of {harness['cells']:,} cells, end to end",
            f"{harness['harness_share']:.1%} of {harness['seconds']:.0f} s, "
            f"{harness['files']} files of cells",
            "under 20 %",
            harness["harness_share"] < TARGET,
        ),
        ("make run after the install", f"{whole:.0f} s", "under 180 s", whole < 180),
        *transformer_lines(training, sampling),
        (
            f"peak memory of importing 1,000,000 rows, {imported['mib']:.0f} MiB of JSON Lines",
            f"{imported['peak_mib']:.0f} MiB, in {imported['seconds']:.0f} s",
            "under 512 MiB",
            imported["peak_mib"] < 512,
        ),
        (
            f"the same with grading, {graded['mib']:.0f} MiB of JSON Lines",
            f"{graded['peak_mib']:.0f} MiB, in {graded['seconds']:.0f} s",
            "under 512 MiB",
            graded["peak_mib"] < 512,
        ),
        (
            "fit of 1,000,000 traces, 1,000 prompts, 3 budgets, first call",
            f"{fitted['first']:.1f} s, compilation included",
            "under 10 s",
            fitted["first"] < 10,
        ),
        (
            "a plain polars and NumPy script of fewer estimators over the fit",
            f"ratio {spread(speedups)}; script {spread(scripted['again'])} s",
            "median at least 3",
            statistics.median(speedups) >= 3,
        ),
        (
            "peak memory of the fit",
            f"{fitted['peak_mib']:.0f} MiB",
            "under 2,048 MiB",
            fitted["peak_mib"] < 2048,
        ),
    ]
    for what, value, target, met in lines:
        verdict = f"  [{target}: {'met' if met else 'MISSED'}]" if target else ""
        print(f"{what}: {value}{verdict}", flush=True)
    return 0 if all(met for *_, met in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
