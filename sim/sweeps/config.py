"""Sweep configurations: YAML to validated cells, each known by the hash of what it simulates."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verigap.sim.planted.methods.parameters import MethodsParameters
from verigap.sim.planted.parameters import PlantedParameters
from verigap.sim.sweeps.laws import LawSpec
from verigap.sim.sweeps.spelling import (
    SCHEMA,
    SCHEMA_1_NAMES,
)

if TYPE_CHECKING:
    from verigap.theory.balls import Divergence


TRAINED_GAMES: dict[str, type[PlantedParameters]] = {
    "planted": PlantedParameters,
    "planted-methods": MethodsParameters,
}
"""Games that train networks, as often as the sweep says, with what defines a cell of theirs."""

MOST_REPLICATES = 10_000_000
"""Data sets of a cell that are played one by one."""

MOST_VALUES = 1_000_000
"""Values that a configuration may hold; a few aliases of aliases can stand for any number."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message is one line for the user."""


class Parameters(BaseModel):
    """Everything that defines one cell of a simulated game.

    Attributes:
      game: the relabelling game, or the rare hard prompts of VB-LOWER.
      horizon: H, tokens.
      data_budget: n, expert traces for cloning, labelled base traces for verification.
      log2_class_size: d, log2 of the number of codewords, bits.
      chi2_radius: kappa, chi-square radius of the expert class; 1 where neither radius is given.
      kl_radius: in its place, the radius of the expert class in KL divergence, nats.
      expert: radius of the demonstrating expert: "best" (that of the class), "hardest" (where
        VF-LOWER is largest), "hardest-proper" (VF-LOWER-PROPER), or a number up to that of the
        class, in the same divergence.
      leash: radius that leashed policies keep to: "expert" (the expert's own) or a number.
      num_candidates: N of best-of-N.
      failure_probability: delta of the bounds that have one.
      c0: base mass of a trace set; hard prompts only.
      atoms: equiprobable traces a prompt, where a law is quantised.
      law: reward law; relabelling game only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    game: Literal["relabelling", "hard-prompts"] = "relabelling"
    horizon: Annotated[int, Field(ge=1, le=1 << 30)]
    data_budget: Annotated[int, Field(ge=1, le=1 << 30)]
    log2_class_size: Annotated[float, Field(gt=0, le=200)]
    chi2_radius: Annotated[float, Field(ge=0, le=1e12)] | None = None
    kl_radius: Annotated[float, Field(gt=0, le=1e3)] | None = None
    expert: (
        Literal["best", "hardest", "hardest-proper"]
        | Annotated[float, Field(gt=0, allow_inf_nan=False)]
    ) = "best"
    leash: Literal["expert"] | Annotated[float, Field(gt=0, allow_inf_nan=False)] = "expert"
    num_candidates: Annotated[int, Field(ge=1, le=1 << 20)] = 8
    failure_probability: Annotated[float, Field(gt=0, lt=1)] = 0.05
    c0: Annotated[float, Field(gt=0, le=0.5)] | None = None
    atoms: Annotated[int, Field(ge=2, le=256)] = 16
    law: LawSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_a_radius(cls, values: Any) -> Any:
        radii = ("chi2_radius", "kl_radius")
        if isinstance(values, dict) and all(values.get(name) is None for name in radii):
            return {**values, "chi2_radius": 1.0}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Parameters:
        if self.chi2_radius is not None and self.kl_radius is not None:
            raise ValueError("kl_radius is given beside chi2_radius; the class has one of them")
        if isinstance(self.expert, float) and self.expert > self.class_radius:
            raise ValueError(
                f"expert {self.expert:g} lies outside the class: {self.divergence}_radius is "
                f"{self.class_radius:g}"
            )
        if self.law is not None:
            self.law.check(self.horizon)
        if self.game == "relabelling":
            if self.c0 is not None:
                raise ValueError("c0 belongs to the game hard-prompts; here the law gives it")
            if self.class_radius == 0:
                raise ValueError("chi2_radius 0 leaves the base as the only expert; give more")
        else:
            if self.kl_radius is not None:
                raise ValueError("kl_radius belongs to the game relabelling")
            if self.c0 is None:
                raise ValueError("the game hard-prompts needs c0, the base mass of a trace set")
            bits = self.log2_class_size
            if bits != int(bits) or bits > 4096:
                raise ValueError(
                    "the game hard-prompts needs a whole log2_class_size: one bit a prompt"
                )
            if bits > 2 * self.c0 * (self.data_budget + 1):
                raise ValueError(
                    f"{bits:g} hard prompts of mass 1/(2 c0 (n + 1)) exceed probability 1; raise "
                    "data_budget (n) or c0"
                )
        return self

    @property
    def divergence(self) -> Divergence:
        """What the radii bound."""
        return "chi2" if self.kl_radius is None else "kl"

    @property
    def class_radius(self) -> float:
        """kappa: radius of the expert class, in that divergence."""
        radius = self.chi2_radius if self.kl_radius is None else self.kl_radius
        assert radius is not None
        return radius

    def content(self) -> dict[str, Any]:
        """The parameters that the cell's name is the hash of; of the two radii the given one."""
        content = self.model_dump(mode="json")
        del content["chi2_radius" if self.divergence == "kl" else "kl_radius"]
        return content


class Block(BaseModel):
    """One named part of a sweep: fixed parameters, a grid over some, a zip over others.

    `grid` takes the product of its lists, `zip` walks its lists in step; a key may reach into the
    law, as in `law.sd`. With `exponent`, a power of the horizon is fitted along the zipped cells.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    zip: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    exponent: bool = False

    def number_of_cells(self, trials: int) -> int:
        """How many cells the block has, without laying them out.

        Args:
          trials: cells at each point of a game that trains networks; every other one is one cell.
        """
        steps = max(map(len, self.zip.values()), default=1)
        points = math.prod(map(len, self.grid.values())) * steps
        games = [(self.model_extra or {}).get("game")]
        games = self.grid.get("game") or self.zip.get("game") or games
        trained = points // len(games) * sum(str(game) in TRAINED_GAMES for game in games)
        return points + trained * (trials - 1)

    def cells(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Raw parameters of every cell, and the series (grid point) it belongs to."""
        fixed = dict(self.model_extra or {})
        lengths = {len(values) for values in self.zip.values()}
        if len(lengths) > 1:
            raise ConfigError(f"sweep {self.name!r}: the lists under zip differ in length")
        twice = (set(fixed) & (set(self.grid) | set(self.zip))) | (set(self.grid) & set(self.zip))
        if twice:
            raise ConfigError(f"sweep {self.name!r}: {sorted(twice)[0]!r} is given twice")
        steps = [
            dict(zip(self.zip, row, strict=True)) for row in zip(*self.zip.values(), strict=True)
        ]
        for point in itertools.product(*self.grid.values()):
            chosen = dict(zip(self.grid, point, strict=True))
            for step in steps or [{}]:
                yield _nested({**fixed, **chosen, **step}), json.dumps(chosen, sort_keys=True)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Write dotted keys into the mapping they reach into."""
    nested = {key: dict(value) if isinstance(value, dict) else value for key, value in flat.items()}
    for key in [key for key in nested if "." in key]:
        outer, inner = key.split(".", 1)
        target = nested.get(outer)
        if not isinstance(target, dict) or "." in inner:
            raise ConfigError(f"{key!r}: there is no mapping {outer!r} to write {inner!r} into")
        target[inner] = nested.pop(key)
    return nested


class Sweep(BaseModel):
    """A whole sweep.

    Attributes:
      seed: root of all randomness.
      replicates: independent data sets a cell, where its block gives no other number; of the
        planted subsequence, independent trainings, each a cell of its own.
      learners: registry names; all of them by default.
      bounds: registry names to check; every true bound by default.
      sweeps: the blocks.
      law_tables: digests of the law tables by path. Filled in where a run is stored, so that a run
        is not continued on other laws; where given, a table must have its digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    replicates: Annotated[int, Field(ge=2, le=MOST_REPLICATES)] = 1000
    learners: tuple[str, ...] | None = None
    bounds: tuple[str, ...] | None = None
    sweeps: Annotated[tuple[Block, ...], Field(min_length=1)]
    law_tables: dict[str, str] = {}


def one_line(error: ValidationError) -> str:
    """The first problem of a validation error: where it is and what it is."""
    first = error.errors()[0]
    # A key may be any text, of several lines too.
    where = " ".join(".".join(str(part) for part in first["loc"]).split())[:200] or "configuration"
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what = "unknown key; check its spelling against docs/configs.md"
    elif first["type"] == "missing":
        what = "is missing"
    elif first["type"] == "too_short":
        what = "the list is empty; give at least one entry"
    value = first.get("input")
    shown = f" (got {value!r})" if isinstance(value, (int, float, str)) else ""
    return f"{where}: {what}{shown}"


def parse_sweep(text: str, source: str) -> Sweep:
    """A configuration from its text, with every name in it known; `source` is for messages.

    Raises:
      ConfigError: with one line saying what is wrong, where, and what to do.
    """
    return validated_sweep(config_mapping(text, source), source)


def config_mapping(text: str, source: str) -> dict[str, Any]:
    """The mapping that a configuration's text holds, before anything in it is checked.

    Raises:
      ConfigError: the text is not YAML, or holds something else than a mapping.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}: not valid YAML{where}") from None
    except RecursionError:
        raise ConfigError(f"{source}: is nested too deeply") from None
    except ValueError as error:
        # PyYAML's word on a date that is none.
        raise ConfigError(f"{source}: not valid YAML ({error})") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: expected a mapping with a list `sweeps`")
    if _overgrown(content):
        raise ConfigError(
            f"{source}: holds more than {MOST_VALUES:,} values with its aliases written out, or an "
            "alias of what it stands in"
        )
    return content


def _overgrown(content: object) -> bool:
    """Whether values that aliases repeat are more than `MOST_VALUES`; in a loop there is no end."""
    waiting, seen = [content], 0
    while waiting and seen <= MOST_VALUES:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set):
            waiting += value
    return seen > MOST_VALUES


def validated_sweep(content: Mapping[str, Any], source: str) -> Sweep:
    """A configuration from its mapping, with every name in it known; `source` is for messages.

    Raises:
      ConfigError: with one line saying what is wrong, where, and what to do.
    """
    content = dict(content)
    schema = content.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise ConfigError(f"{source}: schema: {_other_schema(schema)}")
    try:
        config = Sweep.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{source}: {one_line(error)}") from None
    # Late, as they bring JAX with them: a misspelt key is refused without waiting for it.
    from verigap.sim.relabelling.learners import LEARNERS
    from verigap.theory import BOUNDS
    from verigap.theory.bounds.controls import CONTROLS

    for kind, names, known in (
        ("learner", config.learners, LEARNERS),
        ("bound", config.bounds, {**BOUNDS, **CONTROLS}),
    ):
        if names is not None and len(names) == 0:
            raise ConfigError(f"{source}: {kind}s: the list is empty; leave it out for all of them")
        for place, name in enumerate(names or ()):
            if name in (names or ())[:place]:
                raise ConfigError(f"{source}: {kind} {name!r} is named twice")
            if name not in known:
                raise ConfigError(f"{source}: unknown {kind} {name!r}; one of {', '.join(known)}")
    return config


def _other_schema(schema: Any) -> str:
    if schema != 1:
        return f"this version reads schema {SCHEMA}"
    renamed = ", ".join(f"{new} for {old}" for new, old in SCHEMA_1_NAMES.items())
    return f"write {SCHEMA}, and {renamed}"
