"""What a run folder of a sweep holds, under the present names whichever release wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import polars as pl

from verigap.sim.sweeps.cells import laid_out
from verigap.sim.sweeps.config import Sweep, config_mapping, validated_sweep
from verigap.sim.sweeps.spelling import cells_from_schema_1, config_from_schema_1
from verigap.storage.belonging import misplaced_cells
from verigap.storage.completeness import Completeness
from verigap.storage.run_store import RunStore


class CellRows(Sequence[dict[str, Any]]):
    """The cells of a table as dictionaries, made when they are looked at.

    A cell takes six times as much memory as a dictionary than in the table, and there may be many.

    Example:
      >>> import polars as pl
      >>> from verigap.sim.sweeps.stored import CellRows
      >>> rows = CellRows(pl.DataFrame({"cell": ["a", "b"], "horizon": [16, 64]}))
      >>> len(rows), rows[1], [row["horizon"] for row in rows]
      (2, {'cell': 'b', 'horizon': 64}, [16, 64])
    """

    def __init__(self, table: pl.DataFrame) -> None:
        """The cells of a table, one row each."""
        self.table = table

    def __len__(self) -> int:
        return self.table.height

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.table.iter_rows(named=True)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> CellRows: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | CellRows:
        if isinstance(index, slice):
            return CellRows(self.table[index])
        return self.table.row(index, named=True)


def stored_config(store: RunStore) -> Sweep:
    """The configuration of a stored run.

    Raises:
      ConfigError: it is not the configuration of a sweep.
    """
    source = str(store.path / "config.yaml")
    content = config_mapping(store.config_yaml, source)
    if content.get("schema") == 1:
        content = config_from_schema_1(content)
    return validated_sweep(content, source)


def stored_cells(store: RunStore) -> pl.DataFrame:
    """Every finished cell of a stored run, one row each, sorted by cell.

    Raises:
      ConfigError: the folder's config.yaml cannot be read.
      StoreError: the batches of the run disagree about a column.
    """
    schema = config_mapping(store.config_yaml, str(store.path / "config.yaml")).get("schema")
    cells = store.read_cells()
    return cells_from_schema_1(cells) if schema == 1 else cells


def stored_completeness(store: RunStore, cells: pl.DataFrame) -> Completeness:
    """How many of the cells that a stored sweep lays out are there.

    Args:
      store: the run folder.
      cells: its cells, as `stored_cells` gives them.
    """
    manifest = store.manifest
    expected = store.expected_cells()
    if expected is None:
        names, number = laid_out(stored_config(store))
    else:
        names, number = {*expected}, len(expected)
    return Completeness(
        stored=cells.height,
        expected=number,
        failed=store.failures().height,
        strangers=len(misplaced_cells(cells["cell"], names)),
        manifest=manifest is not None,
        adopted=0 if manifest is None else len(manifest.adopted),
    )


def read_rows(folder: str | Path) -> list[dict[str, Any]]:
    """The finished cells of a run folder as dictionaries.

    Raises:
      StoreError: there is no run folder at this path, or its batches disagree about a column.
      ConfigError: the folder's config.yaml cannot be read.

    Example:
      >>> from verigap.sim.sweeps import read_rows
      >>> sorted({row["game"] for row in read_rows("docs/runs/quickstart")})
      ['hard-prompts', 'relabelling']
    """
    return stored_cells(RunStore.read_only(folder)).to_dicts()
