"""Between which values the risk of one replicate lies, whatever the learner plays."""

from __future__ import annotations

import numpy as np

from verigap.sim.checks.values import Row
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array
from verigap.theory.experts import chi2_ceiling
from verigap.theory.risks.hard_prompts import hard_prompt_mass


def risk_range(row: Row) -> tuple[float, float]:
    """The smallest and the largest risk that a replicate of a cell can have, in tokens.

    A policy earns between the least and the greatest return of the prompt that it is scored on, and
    so does the expert.

    Example:
      >>> from verigap.sim.checks.ranges import risk_range
      >>> game = {"game": "relabelling", "horizon": 64, "atoms": [[16.0, 48.0]], "mean": 32.0}
      >>> risk_range(game | {"expert_gain": 8.0, "expert_radius": 0.25})
      (-8.0, 24.0)
    """
    if row["game"] == "hard-prompts":
        return _hard_prompts(row)
    atoms = np.asarray(row["atoms"])
    if len(atoms) == 1:
        expert = np.asarray([row["mean"] + row["expert_gain"]])
        least, most = expert, expert
    else:
        # What the expert earns on each prompt is not stored, but lies between the mean and this.
        law = RewardLaw.equiprobable(host_array(atoms))
        least = atoms.mean(axis=1)
        most = np.minimum(atoms.max(axis=1), chi2_ceiling(law, row["expert_radius"]))
    return float((least - atoms.max(axis=1)).min()), float((most - atoms.min(axis=1)).max())


def _hard_prompts(row: Row) -> tuple[float, float]:
    """A bit that is known costs nothing, one that is not half of H on its prompt."""
    mass = hard_prompt_mass(host_array(row["data_budget"]), host_array(row["coverage"]))
    return 0.0, float(row["log2_class_size"] * mass * 0.5 * row["horizon"])
