"""Rows of the run store for cells of tight games."""

from __future__ import annotations

from typing import Any

import numpy as np

from verigap.sim.sweeps.cells import TightCell
from verigap.sim.tight import Tally


def tight_row(cell: TightCell, seed: int) -> dict[str, Any]:
    """Play a cell of a tight game; its row has the columns of simulated cells, and what is wrong.

    The cell's random stream is keyed by the seed and its name, as that of other cells.
    """
    game = cell.parameters
    key = np.asarray([seed, int(cell.name, 16)], np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key))
    played, exact = game.play(generator, cell.replicates), game.exact_risks()
    base = np.asarray(game.returns)
    return {
        **cell.identity,
        "game": game.name,
        "horizon": game.horizon,
        "data_budget": game.data_budget,
        "log2_class_size": game.class_bits,
        "chi2_radius": game.expert_radius,
        "failure_probability": game.failure_probability,
        "num_candidates": game.draws_of_best,
        "replicates": cell.replicates,
        "quantisation_error": 0.0,
        "quantised_sd_share": 1.0,
        "atoms": base.tolist(),
        "expert_radius": game.expert_radius,
        "leash": game.expert_radius,
        "expert_gain": game.expert_value - float(base.mean()),
        "coverage": game.coverage,
        "mean": float(base.mean()),
        "sd": float(np.sqrt(base.var(axis=-1).mean())),
        "label_error": game.label_errors,
        "label_noise": game.label_flips,
        "reward_error": game.estimate_error,
        "misspecification": game.missed_expert,
        "learners": [_entry(name, tally, exact[name]) for name, tally in played.items()],
    }


def _entry(name: str, tally: Tally, exact: float) -> dict[str, Any]:
    """A learner's record; these learners keep to no leash."""
    return {
        "learner": name,
        "mean": tally.mean,
        "variance": tally.variance,
        "total_variance": tally.variance,
        "leashed_mean": float("nan"),
        "leashed_variance": float("nan"),
        "exact": exact,
        "exact_error": 0.0,
        "outcome_risk": tally.risks.tolist(),
        "outcome_count": tally.counts.tolist(),
    }
