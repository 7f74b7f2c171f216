"""From cells to batches: which of them share a compiled program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Float

from verigap.sim.relabelling.game import BATCH as CELLS
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.plans import SWEEP, Plan, plan_for
from verigap.sim.sweeps.batches import Batch, cells_together, hard_prompt_sizes, make_games
from verigap.sim.sweeps.cells import AnyCell, Cell, LoadedSweep
from verigap.sim.sweeps.laws import Atoms, ReturnsSpec, TwoLevelSpec
from verigap.sim.sweeps.steps import (
    BATCH,
    EXPERT,
    EXPERT_PROGRAM,
    HARD,
    HARD_PROGRAM,
    LAW,
    POPULATION,
    PROGRAM,
    QUANTISED_LAW,
    Steps,
)
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower, vf_lower_proper

_HARDEST = ("hardest", "hardest-proper")


def batches(
    sweep: LoadedSweep, chosen: Sequence[AnyCell], steps: Steps | None = None
) -> Iterator[Batch]:
    """Group simulated cells by the program they need, in an order that depends on the sweep alone.

    Cells of tight games and of trained networks are left out. Cells whose laws have one shape are
    planned when it is their turn, so that the first batch does not wait for the plans of all.

    Args:
      sweep: the configuration.
      chosen: the cells.
      steps: told what is done and what is ahead.
    """
    steps = steps or Steps(lambda progress: None, len(chosen))
    cells = [cell for cell in chosen if isinstance(cell, Cell)]
    hard = [cell for cell in cells if cell.parameters.game == "hard-prompts"]
    kinds = _hard_kinds(hard)
    steps.add(Counter(kinds))
    groups = _by_shape(sweep, [cell for cell in cells if cell.parameters.law is not None], steps)
    for group in groups:
        yield from _planned(sweep, *group, steps)
    for cell, kind in zip(hard, kinds, strict=True):
        yield Batch(
            cells=(cell,),
            atoms=(Atoms(np.asarray([[0.0, float(cell.parameters.horizon)]]), 0.0, 1.0),),
            expert_radii=(cell.parameters.class_radius,),
            replicates=cell.replicates,
            plan=None,
            kind=kind,
        )


def _by_shape(
    sweep: LoadedSweep, cells: Sequence[Cell], steps: Steps
) -> list[tuple[list[Cell], list[Atoms]]]:
    """Cells and the atoms they are played on, together where one program serves them.

    Their atoms have one shape, and their radii are of one divergence.
    """
    laws: dict[tuple[str, int, int], Atoms | None] = dict.fromkeys(map(_law_key, cells))
    # Laws of one family mostly have one shape, and so one program each for experts and game.
    families = len({(p.law and p.law.family, p.atoms) for p in (c.parameters for c in cells)})
    guess = Counter({EXPERT_PROGRAM: families, PROGRAM: families})
    kinds = {_law_key(cell): _law_kind(cell) for cell in cells}
    steps.add(guess + Counter(kinds.values()))
    groups: dict[tuple[str, *tuple[int, ...]], tuple[list[Cell], list[Atoms]]] = {}
    for cell in cells:
        p, key = cell.parameters, _law_key(cell)
        atoms = laws[key]
        if atoms is None:
            assert p.law is not None
            with steps.step(kinds[key]):
                atoms = laws[key] = p.law.atoms(p.horizon, p.atoms, sweep.folder)
        own = groups.setdefault((p.divergence, *atoms.returns.shape), ([], []))
        own[0].append(cell)
        own[1].append(atoms)
    steps.remove(guess)
    for group in groups.values():
        steps.add(_expert_steps(group[0]) + _game_steps(group[1][0], [len(group[0])]))
    return list(groups.values())


def _law_key(cell: Cell) -> tuple[str, int, int]:
    p = cell.parameters
    assert p.law is not None
    return p.law.model_dump_json(), p.horizon, p.atoms


def _law_kind(cell: Cell) -> str:
    """The kind of step that makes its atoms: laws that are quantised compile for it."""
    exact = isinstance(cell.parameters.law, (ReturnsSpec, TwoLevelSpec))
    return LAW if exact else QUANTISED_LAW


def _planned(
    sweep: LoadedSweep, cells: Sequence[Cell], atoms: Sequence[Atoms], steps: Steps
) -> Iterator[Batch]:
    """The batches of cells whose atoms have one shape."""
    radii = _expert_radii(cells, atoms, steps)
    names = sweep.config.learners or tuple(LEARNERS)
    groups: dict[Plan, list[int]] = {}
    for index, cell in enumerate(cells):
        plan = _plan(cell, atoms[index], radii[index], names)
        groups.setdefault(plan, []).append(index)
    # Until now, one plan was a guess.
    steps.remove(_game_steps(atoms[0], [len(cells)]))
    steps.add(_game_steps(atoms[0], list(map(len, groups.values()))))
    for plan, members in groups.items():
        for number, part in enumerate(_parts(members, cells_together(atoms[0]))):
            yield Batch(
                cells=tuple(cells[i] for i in part),
                atoms=tuple(atoms[i] for i in part),
                expert_radii=tuple(radii[i] for i in part),
                replicates=plan.replicates,
                plan=plan,
                kind=_usual_kind(atoms[0]) if number else PROGRAM,
            )


def _usual_kind(atoms: Atoms) -> str:
    """The kind of step of a batch whose program is there."""
    return BATCH if atoms.returns.shape[0] == 1 else POPULATION


def _game_steps(atoms: Atoms, sizes: Sequence[int]) -> Counter[str]:
    """Steps to play groups of so many cells, each group with a program of its own."""
    parts = sum(-(-size // cells_together(atoms)) for size in sizes)
    return Counter({PROGRAM: len(sizes), _usual_kind(atoms): parts - len(sizes)})


def _expert_steps(cells: Sequence[Cell]) -> Counter[str]:
    """Steps to solve for the experts of cells whose atoms have one shape."""
    sizes = [sum(cell.parameters.expert == mode for cell in cells) for mode in _HARDEST]
    programs = sum(size > 0 for size in sizes)
    return Counter(
        {EXPERT_PROGRAM: programs, EXPERT: sum(-(-size // CELLS) for size in sizes) - programs}
    )


@partial(jax.jit, static_argnames="proper")
def _hardest_radii(games: RelabellingGame, proper: bool) -> Float[Array, " cells"]:
    value = vf_lower_proper if proper else vf_lower
    return jax.vmap(lambda game: hardest_tilt(game.setting(), value) ** 2)(games)


def _expert_radii(cells: Sequence[Cell], atoms: Sequence[Atoms], steps: Steps) -> list[float]:
    """Radius of every cell's demonstrating expert, the hardest ones solved for in batches."""
    radii = [
        float(cell.parameters.expert)
        if isinstance(cell.parameters.expert, (int, float))
        else cell.parameters.class_radius
        for cell in cells
    ]
    for mode in _HARDEST:
        members = [i for i, cell in enumerate(cells) if cell.parameters.expert == mode]
        for number, part in enumerate(_parts(members, CELLS)):
            padded = part + part[-1:] * (CELLS - len(part))
            games = make_games(
                [cells[i] for i in padded], [atoms[i] for i in padded], [radii[i] for i in padded]
            )
            with steps.step(EXPERT if number else EXPERT_PROGRAM):
                solved = np.asarray(_hardest_radii(games, mode == "hardest-proper"))
            for index, radius in zip(part, solved, strict=False):
                radii[index] = float(radius)
    return radii


def _plan(cell: Cell, atoms: Atoms, radius: float, learners: tuple[str, ...]) -> Plan:
    prompts, traces = atoms.returns.shape
    return plan_for(
        (prompts, traces),
        learners=learners,
        replicates=cell.replicates,
        expert_radius=radius,
        data_budget=cell.parameters.data_budget,
        log2_class_size=cell.parameters.log2_class_size,
        accuracy=SWEEP,
        divergence=cell.parameters.divergence,
    )


def _parts(members: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(members), size):
        yield members[start : start + size]


def _hard_kinds(cells: Sequence[Cell]) -> list[str]:
    """The kind of step of each cell of hard prompts: whether it compiles its program."""
    seen: set[tuple[int, int]] = set()
    kinds: list[str] = []
    for size in map(hard_prompt_sizes, cells):
        kinds.append(HARD if size in seen else HARD_PROGRAM)
        seen.add(size)
    return kinds
