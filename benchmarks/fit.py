"""A million traces through `verigap fit`, and through a script as one would write it.

The script does the part of the work that needs no deconvolution: pass@k for every k, mean returns,
naive and unbiased spread, naive coverage, and the same number of bootstrap replicates over prompts,
each re-estimated from the prompts it drew. What it leaves out (bias correction, families,
extrapolation) is in the time of `verigap fit` only, so the ratio is a lower bound.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl

PROMPTS, SAMPLES = 1000, 1000
BUDGETS = (128, 256, 512)
MARGINS = (0.1, 0.25, 0.5, 1.0, 2.0)
_REPLICATES = 2000  # what `fit` takes for this many prompts
_REPEATS = 3


def traces(folder: Path, prompts: int = PROMPTS, samples: int = SAMPLES) -> Path:
    """A synthetic table of prompts x samples traces: beta success, lognormal times."""
    path = folder / f"traces-{prompts}x{samples}.parquet"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    success = np.repeat(rng.beta(0.5, 1.5, prompts), samples)
    centre = np.repeat(rng.normal(np.log(100), 0.4, prompts), samples)
    first = np.ceil(np.exp(centre + 0.5 * rng.normal(size=success.size))).astype(np.int64)
    correct = rng.random(success.size) < success
    pl.DataFrame(
        {
            "dataset": ["bench"] * success.size,
            "model": ["synthetic"] * success.size,
            "prompt_id": np.repeat(np.arange(prompts), samples).astype(str),
            "sample_id": np.tile(np.arange(samples), prompts),
            "correct": correct,
            "first_correct": pl.Series(first).set(pl.Series(~correct), None),
            "n_tokens": first + 20,
        }
    ).write_parquet(path)
    return path


def ours(folder: Path) -> dict[str, object]:
    """Read and fit, from the file to the report; the first call compiles."""
    from verigap.llm_validation import fit
    from verigap.llm_validation.fitting.content import as_content
    from verigap.llm_validation.traces import load_traces

    path, times = traces(folder), []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        as_content(fit(load_traces(path), BUDGETS))
        times.append(time.perf_counter() - start)
    return {"first": times[0], "again": times}


def plain(folder: Path) -> dict[str, object]:
    """The script."""
    path, times = traces(folder), []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        _script(path)
        times.append(time.perf_counter() - start)
    return {"again": times}


def _script(path: Path) -> dict[str, np.ndarray]:
    frame = pl.read_parquet(path, columns=["prompt_id", "correct", "first_correct"])
    columns = []
    for _, rows in frame.group_by("prompt_id"):
        n, c = rows.height, int(rows["correct"].sum())
        row = [1.0 if n - c < k else 1.0 - _miss(n, c, k) for k in range(1, n + 1)]
        first = rows["first_correct"].fill_null(2**31).to_numpy()
        for horizon in BUDGETS:
            returns = np.maximum(horizon - first + 1, 0)
            mean, sd = returns.mean(), returns.std()
            row += [mean / horizon, sd / horizon, returns.var(ddof=1) / horizon**2]
            row += [float((returns >= mean + sd * margin**0.5).mean()) for margin in MARGINS]
        columns.append(row)
    values = np.array(columns)
    rng = np.random.default_rng(0)
    mean = values.mean(axis=0)
    pivots = []
    for _ in range(_REPLICATES):
        drawn = values[rng.integers(0, len(values), len(values))]
        error = drawn.std(axis=0, ddof=1) / len(values) ** 0.5
        pivots.append((drawn.mean(axis=0) - mean) / np.maximum(error, 1e-12))
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    low, high = np.quantile(np.array(pivots), [0.025, 0.975], axis=0)
    return {"estimate": mean, "low": mean - high * error, "high": mean - low * error}


def _miss(n: int, c: int, k: int) -> float:
    """The product form that the paper on pass@k prints."""
    return float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))
