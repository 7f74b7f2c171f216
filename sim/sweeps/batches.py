"""The local engine: cells of one shape are stacked, vmapped, and sharded over the local devices.

A cell's random stream is its own hash folded into the root key, so its numbers do not depend on
how cells are batched, in which order they run, or on how many devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from verigap.sim.hard_prompts import hard_prompt_risks
from verigap.sim.relabelling.game import BATCH, RelabellingGame, stack_games
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.simulate import SWEEP, Plan, Summary, plan_for, simulate_cells
from verigap.sim.sweeps.cells import Cell, LoadedSweep, TrainedCell
from verigap.sim.sweeps.laws import Atoms
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower, vf_lower_proper

POPULATION_BATCH = 4
"""The same for populations, whose data sets each have a lattice of their own."""


_PARAMETER_COLUMNS = (
    "game", "horizon", "data_budget", "log2_class_size", "chi2_radius", "failure_probability",
    "num_candidates",
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Cells that run in one call of one compiled program."""

    cells: tuple[Cell, ...]
    atoms: tuple[Atoms, ...]
    expert_radii: tuple[float, ...]
    replicates: int
    plan: Plan | None


@partial(jax.jit, static_argnames="proper")
def _hardest_radii(games: RelabellingGame, proper: bool) -> Float[Array, " cells"]:
    value = vf_lower_proper if proper else vf_lower
    return jax.vmap(lambda game: hardest_tilt(game.setting(), value) ** 2)(games)


def _expert_radii(cells: Sequence[Cell], atoms: Sequence[Atoms]) -> list[float]:
    """Radius of every cell's demonstrating expert, the hardest ones solved for in batches."""
    radii = [
        float(cell.parameters.expert)
        if isinstance(cell.parameters.expert, (int, float))
        else cell.parameters.chi2_radius
        for cell in cells
    ]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, cell in enumerate(cells):
        if cell.parameters.expert in {"hardest", "hardest-proper"}:
            key = (cell.parameters.expert, atoms[index].returns.shape)
            groups.setdefault(key, []).append(index)
    for (mode, _), members in groups.items():
        for part in _parts(members, BATCH):
            padded = part + part[-1:] * (BATCH - len(part))
            games = _games(
                [cells[i] for i in padded], [atoms[i] for i in padded], [radii[i] for i in padded]
            )
            solved = np.asarray(_hardest_radii(games, mode == "hardest-proper"))
            for index, radius in zip(part, solved, strict=False):
                radii[index] = float(radius)
    return radii


def _plan(cell: Cell, atoms: Atoms, radius: float, learners: tuple[str, ...], reps: int) -> Plan:
    prompts, traces = atoms.returns.shape
    return plan_for(
        (prompts, traces),
        learners=learners,
        replicates=reps,
        expert_radius=radius,
        data_budget=cell.parameters.data_budget,
        log2_class_size=cell.parameters.log2_class_size,
        accuracy=SWEEP,
    )


def _together(atoms: Atoms) -> int:
    """How many cells with such atoms share one call."""
    return BATCH if atoms.returns.shape[0] == 1 else min(BATCH, POPULATION_BATCH)


def _parts(members: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(members), size):
        yield members[start : start + size]


def batches(sweep: LoadedSweep, chosen: Sequence[Cell | TrainedCell]) -> list[Batch]:
    """Group simulated cells by the program they need, in an order that depends on the sweep alone.

    Cells of trained networks are left out.
    """
    cells = [cell for cell in chosen if isinstance(cell, Cell)]
    names = sweep.config.learners or tuple(LEARNERS)
    laws: dict[tuple[str, int, int], Atoms] = {}
    atoms = [_atoms(cell, sweep.folder, laws) for cell in cells]
    games = [i for i, cell in enumerate(cells) if cell.parameters.game == "relabelling"]
    radii = dict(
        zip(games, _expert_radii([cells[i] for i in games], [atoms[i] for i in games]), strict=True)
    )
    groups: dict[tuple[Any, ...], list[int]] = {}
    plans: dict[int, Plan] = {}
    for index in games:
        plans[index] = _plan(
            cells[index], atoms[index], radii[index], names, sweep.config.replicates
        )
        key = (atoms[index].returns.shape, plans[index].cells, plans[index].listed)
        groups.setdefault(key, []).append(index)
    made = [
        Batch(
            cells=tuple(cells[i] for i in part),
            atoms=tuple(atoms[i] for i in part),
            expert_radii=tuple(radii[i] for i in part),
            replicates=sweep.config.replicates,
            plan=plans[part[0]],
        )
        for members in groups.values()
        for part in _parts(members, _together(atoms[members[0]]))
    ]
    made += [
        Batch(
            cells=(cell,),
            atoms=(atoms[index],),
            expert_radii=(cell.parameters.chi2_radius,),
            replicates=sweep.config.replicates,
            plan=None,
        )
        for index, cell in enumerate(cells)
        if cell.parameters.game == "hard-prompts"
    ]
    return made


def _atoms(cell: Cell, folder: Path, laws: dict[tuple[str, int, int], Atoms]) -> Atoms:
    p = cell.parameters
    if p.law is None:
        return Atoms(np.asarray([[0.0, float(p.horizon)]]), 0.0, 1.0)
    key = (p.law.model_dump_json(), p.horizon, p.atoms)
    if key not in laws:
        laws[key] = p.law.atoms(p.horizon, p.atoms, folder)
    return laws[key]


def _games(
    cells: Sequence[Cell], atoms: Sequence[Atoms], radii: Sequence[float]
) -> RelabellingGame:
    points = [cell.parameters for cell in cells]
    return stack_games(
        [a.returns for a in atoms],
        horizon=[p.horizon for p in points],
        data_budget=[p.data_budget for p in points],
        log2_class_size=[p.log2_class_size for p in points],
        chi2_radius=[p.chi2_radius for p in points],
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
    size = -(-_together(batch.atoms[0]) // len(devices)) * len(devices)
    padded = [min(i, len(batch.cells) - 1) for i in range(size)]
    streams = [batch.cells[i].stream for i in padded]
    keys = jax.vmap(partial(jax.random.fold_in, root))(jnp.asarray(streams, jnp.uint32))
    games = _games(
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
        "replicates": replicates,
        "quantisation_error": atoms.error,
        "quantised_sd_share": atoms.sd_share,
        "atoms": atoms.returns.tolist(),
        **{name: float(value) for name, value in constants.items()},
        "learners": learners,
    }


def _run_hard_prompts(batch: Batch, root: Array) -> dict[str, Any]:
    (cell,), (atoms,) = batch.cells, batch.atoms
    p = cell.parameters
    coverage = float(p.c0 or 0.5)
    risks = hard_prompt_risks(
        jax.random.fold_in(root, np.uint32(cell.stream)),
        *(jnp.asarray(float(x)) for x in (p.horizon, coverage, p.log2_class_size, p.data_budget)),
        replicates=batch.replicates,
        most_prompts=max(16, 1 << math.ceil(math.log2(p.log2_class_size))),
        most_traces=max(512, 1 << math.ceil(math.log2(p.data_budget))),
    )
    learners = [
        {
            "learner": name,
            "mean": float(jnp.mean(risk)),
            "variance": float(jnp.var(risk, ddof=1)),
            "leashed_mean": float("nan"),
            "leashed_variance": float("nan"),
            "exact": float("nan"),
            "outcome_risk": [],
            "outcome_count": [],
        }
        for name, risk in risks.items()
    ]
    constants = {
        "expert_radius": p.chi2_radius,
        "leash": p.chi2_radius,
        "expert_gain": float(p.horizon),
        "coverage": coverage,
        "mean": 0.0,
        "sd": 0.0,
    }
    return _row(cell, atoms, batch.replicates, constants, learners)
