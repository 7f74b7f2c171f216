"""What every bound says in every cell of a run, and whether its assumptions hold there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from verigap.sim.compilation import PLAINER_CODE
from verigap.sim.relabelling.game import RelabellingGame, stack_games
from verigap.sim.tight import GAMES
from verigap.theory import BOUNDS, Assumption, Bound, RewardLaw, Setting
from verigap.theory.arrays import host_array
from verigap.theory.balls import Divergence
from verigap.theory.bounds import Game
from verigap.theory.bounds.controls import CONTROLS

Row = Mapping[str, Any]

# Cells of one shape from which on compiling the bounds for it takes less time than NumPy does.
_MANY = 1_000
# Of those, how many are evaluated at once.
_BATCH = 1_000
_COLUMNS = (
    "horizon", "data_budget", "log2_class_size", "expert_radius", "leash", "num_candidates",
    "failure_probability",
)  # fmt: skip


def divergence_of(row: Row) -> Divergence:
    """What the radii of a cell bound: KL where it has a `kl_radius`."""
    return "chi2" if row.get("kl_radius") is None else "kl"


def _numbers(row: Row) -> dict[str, float]:
    """The fields of a cell's `RelabellingGame` but for its law and its divergence."""
    radius = row[f"{divergence_of(row)}_radius"]
    return {**{name: row[name] for name in _COLUMNS}, "class_radius": radius}


# What settings take besides: columns of tight games, whose rows alone have them.
_WRONG = ("label_error", "label_noise", "reward_error", "misspecification")


def _kind(game: str) -> Game:
    """What bounds take a game of a sweep for."""
    tight = GAMES.get(game)
    if tight is not None:
        return tight.bounds_game
    return "hard-prompts" if game == "hard-prompts" else "relabelling"


def _wrong(row: Row) -> dict[str, float]:
    """How wrong labels, estimate and class of a cell are; 0 where its game does not say."""
    return {name: row.get(name) or 0.0 for name in _WRONG}


def _realisable(row: Row) -> bool:
    """Whether the classes hold the truth: a reward estimate that errs is not the reward."""
    return not row.get("reward_error")


def bound_by_name(name: str) -> Bound:
    """A bound or a negative control."""
    return BOUNDS[name] if name in BOUNDS else CONTROLS[name]


def bound_values(
    rows: Sequence[Row], bounds: Iterable[str | Bound]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Value of every bound in every cell, and whether its assumptions hold there.

    Few cells of a shape are evaluated one by one in NumPy, many at once by a compiled program: the
    formulas are the same.

    Args:
      rows: cells as `RunStore.read_cells().to_dicts()` gives them.
      bounds: names of bounds or controls, or bounds that are not registered, of names of their own.
    """
    chosen = tuple(bound_by_name(bound) if isinstance(bound, str) else bound for bound in bounds)
    found = {
        bound.name: (np.full(len(rows), np.nan), np.zeros(len(rows), bool)) for bound in chosen
    }
    alike: dict[tuple[Game, bool, Divergence, int, int], list[int]] = {}
    for index, row in enumerate(rows):
        key = (
            _kind(row["game"]), _realisable(row), divergence_of(row),
            len(row["atoms"]), len(row["atoms"][0]),
        )  # fmt: skip
        alike.setdefault(key, []).append(index)
    for (game, *_), members in alike.items():
        evaluate = _compiled if len(members) >= _MANY else _one_by_one
        for part, valued in evaluate(rows, members, game, chosen):
            for name, (values, holds) in valued.items():
                found[name][0][part] = values
                found[name][1][part] = holds
    return found


def _valued(setting: Setting, bounds: Sequence[Bound]) -> dict[str, tuple[Any, Any]]:
    """Every bound in one setting, and whether all it assumes holds, in NumPy or in JAX."""
    # Bounds share assumptions, and each is looked at once.
    held: dict[Assumption, Any] = {}
    for bound in bounds:
        for assumption in bound.assumptions:
            if assumption not in held:
                held[assumption] = assumption.holds(setting)
    found = {}
    for bound in bounds:
        holds: Any = np.bool_(True)
        for assumption in bound.assumptions:
            holds = holds & held[assumption]
        found[bound.name] = bound.value(setting), holds
    return found


def _one_by_one(
    rows: Sequence[Row], members: Sequence[int], game: Game, bounds: Sequence[Bound]
) -> Iterator[tuple[int, dict[str, tuple[Any, Any]]]]:
    """The place of each cell, and its values in NumPy."""
    for index in members:
        row = rows[index]
        law = RewardLaw.equiprobable(host_array(row["atoms"]))
        numbers = {name: host_array(number) for name, number in _numbers(row).items()}
        played = RelabellingGame(law, **numbers, divergence=divergence_of(row))
        own = {name: host_array(value) for name, value in _wrong(row).items()}
        own["coverage"] = host_array(row["coverage"])
        setting = replace(played.setting(), game=game, realisable=_realisable(row), **own)
        # Infinities are values here: NumPy need not speak of them.
        with np.errstate(all="ignore"):
            yield index, _valued(setting, bounds)


def _compiled(
    rows: Sequence[Row], members: Sequence[int], game: Game, bounds: Sequence[Bound]
) -> Iterator[tuple[list[int], dict[str, tuple[Any, Any]]]]:
    """The places of a batch of cells, and their values by a program that is compiled once."""
    for start in range(0, len(members), _BATCH):
        part = list(members[start : start + _BATCH])
        padded = [rows[i] for i in part + part[-1:] * (_BATCH - len(part))]
        numbers = [_numbers(row) for row in padded]
        games = stack_games(
            [np.asarray(row["atoms"]) for row in padded],
            divergence=divergence_of(padded[0]),
            **{name: [each[name] for each in numbers] for name in numbers[0]},
        )
        own = {name: jnp.asarray([_wrong(row)[name] for row in padded]) for name in _WRONG}
        own["coverage"] = jnp.asarray([row["coverage"] for row in padded])
        realisable = _realisable(padded[0])
        found = jax.device_get(_batch(games, own, game, realisable, tuple(bounds)))
        yield (
            part,
            {name: (v[: len(part)], held[: len(part)]) for name, (v, held) in found.items()},
        )


@partial(jax.jit, static_argnames=("game", "realisable", "bounds"), compiler_options=PLAINER_CODE)
def _batch(
    games: RelabellingGame,
    own: dict[str, Float[Array, " cells"]],
    game: Game,
    realisable: bool,
    bounds: tuple[Bound, ...],
) -> dict[str, tuple[Float[Array, " cells"], Bool[Array, " cells"]]]:
    def one(
        played: RelabellingGame, columns: dict[str, Float[Array, ""]]
    ) -> dict[str, tuple[Any, Any]]:
        # Hard prompts carry a coverage of their own, tight games what is wrong.
        setting = replace(played.setting(), game=game, realisable=realisable, **columns)
        found = _valued(setting, bounds)
        return {name: (value, jnp.asarray(holds)) for name, (value, holds) in found.items()}

    return jax.vmap(one)(games, own)
