"""The relabelling game played codeword by codeword in NumPy, against what is used instead of it.

The two-level law on one prompt: a demonstration agrees with the true codeword with chance
(1 + tilt) / 2 and with every other one with chance 1/2, so that a class of 2^d codewords is a table
of 2^d by n bits, or of 2^d agreement counts where the bits themselves are not wanted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

DATA_BUDGET = 64
CELLS, REPLICATES = 100, 1000
REPETITIONS = 5
ACCURACY = 1e-3
"""Standard error of a chance to which Monte Carlo is run on."""


def _posterior(agreements: np.ndarray, tilt: float) -> np.ndarray:
    """Weights of codewords from their agreement counts, along the last axis."""
    log_ratio = agreements * np.log1p(tilt) + (DATA_BUDGET - agreements) * np.log1p(-tilt)
    weight = np.exp(log_ratio - log_ratio.max(axis=-1, keepdims=True))
    return weight / weight.sum(axis=-1, keepdims=True)


def bayes_risk(rng: np.random.Generator, size: int, tilt: float) -> float:
    """Risk of VF-Bayes in one data set, in units of sigma, from a table of all bits."""
    labels = rng.integers(0, 2, DATA_BUDGET, dtype=np.uint8)
    codewords = rng.integers(0, 2, (2**size, DATA_BUDGET), dtype=np.uint8)
    agreements = np.count_nonzero(codewords == labels, axis=1)
    agreements[0] = rng.binomial(DATA_BUDGET, 0.5 * (1.0 + tilt))
    signs = 2.0 * rng.integers(0, 2, 2**size, dtype=np.uint8) - 1.0
    return float(tilt - abs(_posterior(agreements, tilt) @ signs))


def chance_right(rng: np.random.Generator, size: int, tilt: float, replicates: int) -> float:
    """Chance that VF-MLE picks the true codeword, from agreement counts, ties broken evenly."""
    wrong = rng.binomial(DATA_BUDGET, 0.5, (replicates, 2**size - 1))
    true = rng.binomial(DATA_BUDGET, 0.5 * (1.0 + tilt), replicates)
    best, ties = wrong.max(axis=1), np.count_nonzero(wrong == wrong.max(axis=1)[:, None], axis=1)
    return float(np.mean((true > best) + (true == best) / (1.0 + ties)))


def seconds(function: Callable[[], object]) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _tilt(size: int) -> float:
    """Where n traces tell as much as the class holds, so that neither side is trivial."""
    return (size * np.log(2.0) / DATA_BUDGET) ** 0.5


def against_bayes(folder: Path) -> dict[str, object]:
    """Seconds of a replicate of VF-Bayes by enumeration and as it is simulated, d = 12 and 18."""
    pairs: dict[str, list[list[float]]] = {}
    for size, enumerated in ((12, 40), (18, 3)):
        # All cells have one shape: the first run compiles.
        _sweep_seconds(folder, size)
        pairs[str(size)] = []
        for repetition in range(REPETITIONS):
            rng = np.random.default_rng([size, repetition])
            start = time.perf_counter()
            for _ in range(enumerated):
                bayes_risk(rng, size, _tilt(size))
            slow = (time.perf_counter() - start) / enumerated
            pairs[str(size)].append([slow, _sweep_seconds(folder, size) / (CELLS * REPLICATES)])
    return {"pairs": pairs}


def _sweep_seconds(folder: Path, size: int) -> float:
    """Seconds of a sweep of VF-Bayes over cells of one class size, as a user gets it."""
    from verigap.sim.sweeps.cells import load_sweep
    from verigap.sim.sweeps.run import run_sweep

    tilts = np.linspace(0.9, 1.1, CELLS) * _tilt(size)
    sweep = {
        "name": "enumeration",
        "law": {"family": "two-level"},
        "horizon": 64,
        "log2_class_size": size,
        "data_budget": DATA_BUDGET,
        "grid": {"expert": [float(tilt**2) for tilt in tilts]},
    }
    config = folder / f"enumeration-{size}-{time.monotonic_ns()}.yaml"
    content = {"replicates": REPLICATES, "learners": ["vf-bayes"], "sweeps": [sweep]}
    config.write_text(json.dumps(content))
    start = time.perf_counter()
    run_sweep(load_sweep(config), folder / config.stem)
    return time.perf_counter() - start


def exact_against_drawn(folder: Path) -> dict[str, object]:
    """Seconds of P(VF-MLE is right) in closed form, and of Monte Carlo to a standard error of 1e-3.

    Monte Carlo is timed on a part of its replicates and its time multiplied to their full number.
    """
    from verigap.theory.arrays import host_array
    from verigap.theory.binomial_lattices import two_level_cells, two_level_lattice
    from verigap.theory.risks import probability_correct

    size, timed = 12, 500
    tilt = _tilt(size)
    n, eps, d = (host_array(float(value)) for value in (DATA_BUDGET, tilt, size))
    cells = two_level_cells(DATA_BUDGET, tilt, size)

    def exact() -> float:
        with np.errstate(all="ignore"):
            return float(probability_correct(two_level_lattice(n, eps, d, cells), d))

    chance = exact()
    needed = chance * (1.0 - chance) / ACCURACY**2
    pairs, drawn = [], []
    for repetition in range(REPETITIONS):
        rng = np.random.default_rng(repetition)
        slow = seconds(lambda rng=rng: drawn.append(chance_right(rng, size, tilt, timed)))
        pairs.append([slow * needed / timed, seconds(exact)])
    return {"pairs": pairs, "exact": chance, "drawn": drawn, "needed": needed, "timed": timed}
