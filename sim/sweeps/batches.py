"""The local engine: cells of one shape are stacked, vmapped, and sharded over the local devices.

A cell's random stream is its own hash folded into the root key, so its numbers do not depend on
how cells are batched, in which order they run, or on how many devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from verigap.sim.hard_prompts import hard_prompt_risks
from verigap.sim.relabelling.game import BATCH, RelabellingGame, stack_games
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.simulate import Summary, simulate_cells
from verigap.sim.sweeps.cells import Cell
from verigap.sim.sweeps.laws import Atoms

POPULATION_BATCH = 4
"""The same for populations, whose data sets each have a lattice of their own."""


_PARAMETER_COLUMNS = (
    "game", "horizon", "data_budget", "log2_class_size", "failure_probability", "num_candidates",
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Cells that run in one call of one compiled program, as a step of a kind of `steps`."""

    cells: tuple[Cell, ...]
    atoms: tuple[Atoms, ...]
    expert_radii: tuple[float, ...]
    replicates: int
    plan: Plan | None
    kind: str


def cells_together(atoms: Atoms) -> int:
    """How many cells with such atoms share one call."""
    return BATCH if atoms.returns.shape[0] == 1 else min(BATCH, POPULATION_BATCH)


def make_games(
    cells: Sequence[Cell], atoms: Sequence[Atoms], radii: Sequence[float]
) -> RelabellingGame:
    """The games of some cells of one divergence along a leading axis."""
    points = [cell.parameters for cell in cells]
    return stack_games(
        [a.returns for a in atoms],
        divergence=points[0].divergence,
        horizon=[p.horizon for p in points],
        data_budget=[p.data_budget for p in points],
        log2_class_size=[p.log2_class_size for p in points],
        class_radius=[p.class_radius for p in points],
        expert_radius=radii,
        leash=[
            radius if p.leash == "expert" else float(p.leash)
            for p, radius in zip(points, radii, strict=True)
        ],
        num_candidates=[p.num_candidates for p in points],
        failure_probability=[p.failure_probability for p in points],
    )


def run_batch(batch: Batch, seed: int) -> list[dict[str, Any]]:
    """Simulate a batch; one row a cell, ready for the run store."""
    root = jax.random.key(seed)
    if batch.plan is None:
        return [_run_hard_prompts(batch, root)]
    devices = jax.local_devices()
    size = -(-cells_together(batch.atoms[0]) // len(devices)) * len(devices)
    padded = [min(i, len(batch.cells) - 1) for i in range(size)]
    streams = [batch.cells[i].stream for i in padded]
    keys = jax.vmap(partial(jax.random.fold_in, root))(jnp.asarray(streams, jnp.uint32))
    games = make_games(
        [batch.cells[i] for i in padded],
        [batch.atoms[i] for i in padded],
        [batch.expert_radii[i] for i in padded],
    )
    sharding = NamedSharding(Mesh(np.asarray(devices), ("cells",)), PartitionSpec("cells"))
    keys, games = jax.device_put((keys, games), sharding)
    summaries = jax.device_get(simulate_cells(keys, games, batch.plan))
    constants = jax.device_get(_constants(games))
    for name, summary in summaries.items():
        broken = ~np.isfinite(summary.mean + summary.leashed_mean)[: len(batch.cells)]
        if broken.any():
            cell = batch.cells[int(np.argmax(broken))]
            raise ArithmeticError(f"the risk of {name} is not a number in cell {cell.name}")
    return [
        _row(
            cell,
            batch.atoms[i],
            batch.replicates,
            {name: value[i] for name, value in constants.items()},
            [_learner_row(name, summary, i) for name, summary in summaries.items()],
        )
        for i, cell in enumerate(batch.cells)
    ]


@jax.jit
@jax.vmap
def _constants(game: RelabellingGame) -> dict[str, Float[Array, ""]]:
    law = game.law
    return {
        "expert_radius": game.expert_radius,
        "leash": game.leash,
        "expert_gain": game.expert_gain,
        "coverage": game.coverage,
        "mean": jnp.mean(law.mean),
        "sd": jnp.sqrt(jnp.mean(law.variance)),
    }


def _learner_row(name: str, summary: Summary, index: int) -> dict[str, Any]:
    row: dict[str, Any] = {"learner": name}
    for field in fields(summary):
        value = getattr(summary, field.name)[index]
        row[field.name] = value.tolist()
    counted = [
        (risk, count)
        for risk, count in zip(row["outcome_risk"], row["outcome_count"], strict=True)
        if count > 0
    ]
    row["outcome_risk"] = [float(risk) for risk, _ in counted]
    row["outcome_count"] = [float(count) for _, count in counted]
    return row


def _row(
    cell: Cell,
    atoms: Atoms,
    replicates: int,
    constants: dict[str, Any],
    learners: list[dict[str, Any]],
) -> dict[str, Any]:
    p = cell.parameters
    return {
        **cell.identity,
        **{name: getattr(p, name) for name in _PARAMETER_COLUMNS},
        f"{p.divergence}_radius": p.class_radius,
        "replicates": replicates,
        "quantisation_error": atoms.error,
        "quantised_sd_share": atoms.sd_share,
        "atoms": atoms.returns.tolist(),
        **{name: float(value) for name, value in constants.items()},
        "learners": learners,
    }


def hard_prompt_sizes(cell: Cell) -> tuple[int, int]:
    """Prompts and traces that the program of a cell of hard prompts has room for."""
    p = cell.parameters
    return (
        max(16, 1 << math.ceil(math.log2(p.log2_class_size))),
        max(512, 1 << math.ceil(math.log2(p.data_budget))),
    )


def _run_hard_prompts(batch: Batch, root: Array) -> dict[str, Any]:
    (cell,), (atoms,) = batch.cells, batch.atoms
    p = cell.parameters
    coverage = float(p.c0 or 0.5)
    most_prompts, most_traces = hard_prompt_sizes(cell)
    risks = hard_prompt_risks(
        jax.random.fold_in(root, np.uint32(cell.stream)),
        *(jnp.asarray(float(x)) for x in (p.horizon, coverage, p.log2_class_size, p.data_budget)),
        replicates=batch.replicates,
        most_prompts=most_prompts,
        most_traces=most_traces,
    )
    learners = [
        {
            "learner": name,
            "mean": float(jnp.mean(risk)),
            "variance": float(jnp.var(risk, ddof=1)),
            "total_variance": float(jnp.var(risk, ddof=1)),
            "leashed_mean": float("nan"),
            "leashed_variance": float("nan"),
            "exact": float("nan"),
            "exact_error": float("nan"),
            "outcome_risk": [],
            "outcome_count": [],
        }
        for name, risk in risks.items()
    ]
    constants = {
        "expert_radius": p.class_radius,
        "leash": p.class_radius,
        "expert_gain": float(p.horizon),
        "coverage": coverage,
        "mean": 0.0,
        "sd": 0.0,
    }
    return _row(cell, atoms, batch.replicates, constants, learners)
