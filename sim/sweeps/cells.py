"""The cells of a sweep: every point of its grid, with an identity of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from verigap.sim.planted.parameters import PlantedParameters
from verigap.sim.sweeps.config import (
    MOST_REPLICATES,
    TRAINED_GAMES,
    Block,
    ConfigError,
    Parameters,
    Sweep,
    one_line,
    parse_sweep,
    validated_sweep,
)
from verigap.sim.sweeps.law_table import LawTable
from verigap.sim.sweeps.laws import TableSpec, TwoLevelSpec
from verigap.sim.sweeps.spelling import (
    IDENTITY_SCHEMA,
    SCHEMA,
    as_schema_1,
    schema_1_complaint,
)
from verigap.sim.tight import GAMES, TightGame
from verigap.storage.digests import json_digest

MOST_CELLS = 1_000_000
"""Cells that a sweep may have; laid out they take about 1.5 KiB each."""


@dataclass(frozen=True)
class _Point:
    """One point of a sweep.

    Attributes:
      name: hash of everything the numbers depend on except the seed; also its random stream.
      block: name of its block.
      series: the grid point, shared by the cells an exponent is fitted along.
      exponent: whether one is.
    """

    name: str
    block: str
    series: str
    exponent: bool

    @property
    def stream(self) -> int:
        """32 bits of the hash, folded into the root key."""
        return int(self.name[:8], 16)

    @property
    def identity(self) -> dict[str, str | bool]:
        """The columns of a stored row that say which cell it is."""
        return {
            "cell": self.name,
            "block": self.block,
            "series": self.series,
            "exponent": self.exponent,
        }


@dataclass(frozen=True)
class Cell(_Point):
    """A point of the relabelling game or of the hard prompts, with its number of data sets."""

    parameters: Parameters
    replicates: int


@dataclass(frozen=True)
class TightCell(_Point):
    """A point of a tight game, with its number of data sets."""

    parameters: TightGame
    replicates: int


@dataclass(frozen=True)
class TrainedCell(_Point):
    """One training of networks on the planted subsequence, to compare learners or methods."""

    parameters: PlantedParameters


AnyCell = Cell | TightCell | TrainedCell
"""A cell of any game."""


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep with its cells and the folder its paths are relative to."""

    config: Sweep
    cells: tuple[AnyCell, ...]
    folder: Path

    def resolved_yaml(self) -> str:
        """The configuration as it will be stored with the run."""
        content = self.config.model_dump(mode="json")
        if not self.config.law_tables:
            del content["law_tables"]
        return yaml.safe_dump({"schema": SCHEMA, **content}, sort_keys=False, width=100)


def load_sweep(path: str | Path) -> LoadedSweep:
    """Read and validate a configuration, down to every cell and law table it names.

    Raises:
      ConfigError: with one line saying what is wrong, where, and what to do.

    Example:
      >>> from verigap.sim.sweeps import load_sweep
      >>> len(load_sweep("configs/quickstart-tiny.yaml").cells)
      3
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; give a sweep configuration") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    return _with_cells(parse_sweep(text, str(path)), path)


def sweep_from(content: Mapping[str, Any], folder: str | Path = ".") -> LoadedSweep:
    """Validate a configuration given as a mapping, with the keys of a configuration file.

    Args:
      content: the configuration.
      folder: what the paths of law tables are relative to.

    Raises:
      ConfigError: with one line saying what is wrong, where, and what to do.

    Example:
      >>> from verigap.sim.sweeps import sweep_from
      >>> sweep = sweep_from({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> len(sweep.cells)
      1
    """
    return _with_cells(validated_sweep(content, "config"), Path(folder) / "config")


def laid_out(config: Sweep) -> tuple[set[str] | None, int]:
    """Names of the cells of a stored configuration, and their number.

    Returns:
      The names, or None where the law tables of the configuration are not at hand; the number.
    """
    try:
        names = {cell.name for cell in _with_cells(config, Path("config")).cells}
    except ConfigError:
        return None, _number_of_cells(config)
    return names, len(names)


def laid_out_sweep(config: Sweep, folder: str | Path) -> tuple[LoadedSweep, str]:
    """A stored configuration with the cells of every block that can be laid out.

    Args:
      config: the configuration.
      folder: what the paths of law tables are relative to.

    Returns:
      The sweep, and why the first block that cannot be laid out cannot; empty where all can.
    """
    path, why = Path(folder) / "config", ""
    cells: dict[str, AnyCell] = {}
    for block in config.sweeps:
        try:
            part = _with_cells(
                config.model_copy(update={"sweeps": (block,), "law_tables": {}}), path
            )
        except ConfigError as error:
            why = why or str(error)
            continue
        other = [
            name
            for name, digest in part.config.law_tables.items()
            if config.law_tables.get(name, digest) != digest
        ]
        if other:
            why = why or f"{other[0]}: is not the table that this configuration was run on"
        else:
            cells |= {cell.name: cell for cell in part.cells}
    return LoadedSweep(config, tuple(cells.values()), path.parent), why


def _with_cells(config: Sweep, path: Path) -> LoadedSweep:
    """A validated configuration with every cell and law table it names."""
    if (number := _number_of_cells(config)) > MOST_CELLS:
        raise ConfigError(
            f"{path}: sweeps: lay out {number:,} cells, and a sweep may have {MOST_CELLS:,}; give "
            "fewer values, or divide them among several sweeps"
        )
    cells: dict[str, AnyCell] = {}
    tables: dict[str, LawTable] = {}
    for block in config.sweeps:
        for raw, series in _points(path, block):
            for cell in _cells(path, config, block, raw, series, tables):
                cells.setdefault(cell.name, cell)
    _refuse_mixture(path, cells.values())
    digests = {name: table.digest for name, table in sorted(tables.items())}
    for name, digest in config.law_tables.items():
        if digests.get(name) != digest:
            raise ConfigError(
                f"{path}: law_tables: {name} is not the table that this configuration was run on; "
                "make that table again, or drop law_tables and choose a new run folder"
            )
    config = config.model_copy(update={"law_tables": digests})
    return LoadedSweep(config, tuple(cells.values()), path.parent)


def _refuse_mixture(path: Path, cells: Iterable[AnyCell]) -> None:
    """Cells of networks have columns that those of other games have with another content."""
    games = {
        cell.parameters.game if isinstance(cell, TrainedCell) else "of a simulated game"
        for cell in cells
    }
    trained = sorted(games & set(TRAINED_GAMES))
    if trained and len(games) > 1:
        raise ConfigError(
            f"{path}: sweeps: cells of {trained[0]} and of another game cannot share a run folder; "
            "give each game that trains networks a configuration of its own"
        )


def _number_of_cells(config: Sweep) -> int:
    """How many cells a configuration lays out, those counted twice that two blocks have."""
    return sum(block.number_of_cells(config.replicates) for block in config.sweeps)


def _points(path: Path, block: Block) -> list[tuple[dict[str, Any], str]]:
    try:
        return list(block.cells())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _cells(
    path: Path,
    config: Sweep,
    block: Block,
    raw: dict[str, Any],
    series: str,
    tables: dict[str, LawTable],
) -> Iterator[AnyCell]:
    """The cells of one point, validated; `tables` keeps the law tables read so far."""
    try:
        if complaint := schema_1_complaint(raw):
            raise ConfigError(complaint)
        game = str(raw.get("game"))
        if game not in TRAINED_GAMES:
            raw, replicates = _replicates(raw, config, GAMES.get(game))
            if game in GAMES:
                tight = GAMES[game].model_validate(raw)
                yield _tight_cell(block, tight, series, replicates)
                return
            parameters = Parameters.model_validate(raw)
            yield _simulated_cell(path, block, parameters, series, tables, config, replicates)
            return
        if "replicates" in raw:
            raise ConfigError(f"replicates: the game {game} takes that of the whole sweep")
        if "trial" in raw:
            raise ConfigError("trial: is counted by the sweep; set replicates instead")
        trained = TRAINED_GAMES[game].model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: sweep {block.name!r}: {one_line(error)}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: sweep {block.name!r}: {error}") from None
    if "replicates" not in config.model_fields_set:
        raise ConfigError(
            f"{path}: replicates: is missing; the game {game} trains that many times a setting"
        )
    for trial in range(config.replicates):
        parameters = trained.model_copy(update={"trial": trial})
        content = {"block": block.name, **parameters.model_dump(mode="json")}
        yield TrainedCell(_cell_name(content), block.name, series, block.exponent, parameters)


def _cell_name(content: dict[str, Any]) -> str:
    return json_digest({"schema": IDENTITY_SCHEMA, **as_schema_1(content)}, 16)


def _replicates(
    raw: dict[str, Any], config: Sweep, tight: type[TightGame] | None
) -> tuple[dict[str, Any], int]:
    """The parameters of a cell without its number of data sets, and that number."""
    raw = dict(raw)
    replicates = raw.pop("replicates", config.replicates)
    most = MOST_REPLICATES if tight is None else tight.most_replicates
    if not isinstance(replicates, int) or not 2 <= replicates <= most:
        raise ConfigError(f"replicates: must be a whole number from 2 to {most}, not {replicates}")
    return raw, replicates


def _tight_cell(block: Block, game: TightGame, series: str, replicates: int) -> TightCell:
    """One cell of a tight game, named by its content."""
    content = {"block": block.name, "replicates": replicates, **game.model_dump(mode="json")}
    return TightCell(_cell_name(content), block.name, series, block.exponent, game, replicates)


def _simulated_cell(
    path: Path,
    block: Block,
    parameters: Parameters,
    series: str,
    tables: dict[str, LawTable],
    config: Sweep,
    replicates: int,
) -> Cell:
    """One cell of a simulated game, named by its content."""
    if parameters.game == "relabelling" and parameters.law is None:
        parameters = parameters.model_copy(update={"law": TwoLevelSpec(family="two-level")})
    content: dict[str, Any] = {
        "block": block.name,
        "replicates": replicates,
        "learners": sorted(config.learners) if config.learners else None,
        **parameters.content(),
    }
    if isinstance(parameters.law, TableSpec):
        try:
            name = parameters.law.table
            table = tables.get(name) or tables.setdefault(name, parameters.law.read(path.parent))
            table.select(
                parameters.horizon, dataset=parameters.law.dataset, model=parameters.law.model
            )
        except ValueError as error:
            raise ConfigError(str(error)) from None
        content["law"] = {
            "digest": table.digest,
            "dataset": parameters.law.dataset,
            "model": parameters.law.model,
        }
    name = _cell_name(content)
    return Cell(name, block.name, series, block.exponent, parameters, replicates)
