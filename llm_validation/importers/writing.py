"""A trace table written piece by piece, so that its size is bounded by the disk alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from verigap.llm_validation.importers.groups import SETTINGS, GroupNames, group_names
from verigap.llm_validation.importers.identity import written_differently
from verigap.llm_validation.traces import COLUMNS, KEY, PROMPT_KEY, checked_rows
from verigap.storage.drafts import draft_folder
from verigap.storage.files import remedy, sync
from verigap.storage.parquet_guard import seal_file
from verigap.storage.tables import TableError

# A piece is written at whichever comes first.
_PIECE_ROWS, _PIECE_CHARACTERS = 16_384, 16 * 2**20
_ROW_GROUP = 32_768
_PLACE = "_place"
_SCHEMA: Mapping[str, pl.DataType] = {
    name: pl.String() for name in COLUMNS
} | {
    name: pl.Int64() for name in ("sample_id", "first_correct", "n_tokens")
} | {
    name: pl.Float64() for name in ("verifier_score", "logprob")
} | {
    name: pl.Boolean() for name in ("correct", "first_correct_is_end", "correct_at_end")
} | {_PLACE: pl.String(), SETTINGS: pl.String()}  # fmt: skip
# Until the groups have names, samples drawn with other settings are told apart by these.
_KEY, _PROMPT_KEY = (*KEY, SETTINGS), (*PROMPT_KEY, SETTINGS)
_TEXTS = [name for name, dtype in _SCHEMA.items() if dtype == pl.String]


class TraceWriter:
    """Collects rows and writes them as one Parquet file; a context manager.

    Of every row only the hash of its key stays in memory. Nothing appears at `path` before
    `finish`, and nothing is left behind without it.
    """

    def __init__(self, path: Path, source: str, keep_text: bool = True) -> None:
        """Nothing is written before the first rows are, and texts only if they are to be kept.

        Raises:
          TableError: `path` cannot be the name of a trace table.
        """
        if path.suffix.lower() != ".parquet":
            raise TableError(f"{path}: traces are written as Parquet; end the name in .parquet")
        if path.is_dir():
            raise TableError(f"{path}: is a folder, not a file; choose another path")
        self.path, self.source, self.keep_text = path, source, keep_text
        self.mended = 0
        self._columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA}
        self._characters = 0
        self._drafts = ExitStack()
        self._folder: Path | None = None
        self._pieces: list[Path] = []
        self._repeated: set[int] = set()
        self._keys: list[pl.Series] = []
        self._prompts: list[pl.Series] = []
        self._texts: list[pl.Series] = []
        self._names: GroupNames | None = None

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drafts.close()

    def add(self, row: dict[str, Any], place: str) -> None:
        """Add one row, already checked; `place` is where it came from.

        Beside the columns of a trace table it has `SETTINGS`.
        """
        for name, values in self._columns.items():
            values.append(place if name == _PLACE else row.get(name))
        self._characters += len(row.get("text") or "")
        if len(self._columns[_PLACE]) >= _PIECE_ROWS or self._characters >= _PIECE_CHARACTERS:
            self._write_piece()

    def duplicates(self) -> list[tuple[int, str, str, str]]:
        """Of each row whose key an earlier one has: its number, its place, the earlier's, the key.

        Rows are numbered from 0 as they were added. From now on these are left out.
        """
        self._write_piece()
        if not self._keys:
            return []
        keys = pl.concat(self._keys)
        suspects = keys.filter(keys.is_duplicated()).unique()
        if not len(suspects):
            return []
        # Equal hashes are rare, so only now are the keys themselves compared.
        rows = (
            self._scan()
            .with_row_index("_row")
            .select("_row", *_KEY, _PLACE)
            .filter(pl.struct(_KEY).hash(seed=0).is_in(suspects.implode()))
            .collect(engine="streaming")
            .sort("_row")
        )
        first = pl.col(_PLACE).first().over(_KEY)
        rows = rows.with_columns(_first=first).filter(~pl.struct(_KEY).is_first_distinct())
        self._repeated = set(rows["_row"])
        return [
            (
                row["_row"],
                row[_PLACE],
                row["_first"],
                f"prompt {row['prompt_id']!r} has a sample {row['sample_id']}",
            )
            for row in rows.iter_rows(named=True)
        ]

    def summary(self) -> tuple[int, dict[tuple[str, str], dict[str, int]]]:
        """Number of prompts, and the verdicts of each (dataset, model)."""
        counted = (
            self._named()
            .group_by("dataset", "model", "correct")
            .len()
            .collect(engine="streaming")
            .sort("dataset", "model")
        )
        groups: dict[tuple[str, str], dict[str, int]] = {}
        for dataset, model, correct, rows in counted.iter_rows():
            name = "ungraded" if correct is None else "correct" if correct else "incorrect"
            group = groups.setdefault(
                (dataset, model), {"correct": 0, "incorrect": 0, "ungraded": 0}
            )
            group[name] = rows
        return pl.concat(self._prompts).n_unique(), groups

    def repeated_texts(self) -> tuple[int, int]:
        """Texts that an earlier sample of their prompt has, and all texts, both not empty."""
        if not self._texts:
            return 0, 0
        texts = pl.concat(self._texts)
        return len(texts) - texts.n_unique(), len(texts)

    def unknown_lengths(self) -> int:
        """Rows without a length."""
        return self._kept().select(pl.col("n_tokens").is_null().sum()).collect().item()

    def notes(self) -> tuple[str, ...]:
        """What is doubtful about the names of groups and prompts, one line each."""
        names = self._named().select("dataset", "model", "prompt_id").unique()
        twice = written_differently(names.collect(engine="streaming"))
        return (*self._group_names().notes, *filter(None, [twice]))

    def finish(self) -> None:
        """Put the table in its place, whole.

        Raises:
          TableError: the file cannot be written.
        """
        assert self._folder is not None
        draft = self._folder / "traces.parquet"
        try:
            self._named().select(COLUMNS).sink_parquet(
                draft, row_group_size=_ROW_GROUP, engine="streaming"
            )
            seal_file(draft)
            sync(draft)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(self.path)
            sync(self.path.parent)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._unwritable(error) from None

    def _group_names(self) -> GroupNames:
        if self._names is None:
            self._names = group_names(self._kept())
        return self._names

    def _named(self) -> pl.LazyFrame:
        """The rows under the final names of their groups."""
        return self._group_names().applied(self._kept())

    def _kept(self) -> pl.LazyFrame:
        if not self._repeated:
            return self._scan()
        repeated = pl.Series(sorted(self._repeated), dtype=pl.UInt32)
        indexed = self._scan().with_row_index("_row")
        return indexed.filter(~pl.col("_row").is_in(repeated.implode())).drop("_row")

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._pieces, glob=False)

    def _write_piece(self) -> None:
        places = self._columns[_PLACE]
        if not places:
            return
        try:
            frame = pl.DataFrame(self._columns, schema=_SCHEMA)
        except UnicodeError:
            frame = pl.DataFrame(self._mended(), schema=_SCHEMA)
        # The rules of a trace table have the last word; a row that breaks them is our mistake.
        frame = checked_rows(frame, self.source).with_columns(frame[_PLACE], frame[SETTINGS])
        self._keys.append(frame.select(pl.struct(_KEY).hash(seed=0)).to_series())
        self._prompts.append(frame.select(pl.struct(_PROMPT_KEY).hash(seed=0).unique()).to_series())
        self._note_texts(frame)
        if not self.keep_text:
            frame = frame.with_columns(pl.lit(None, pl.String).alias("text"))
        try:
            piece = self._draft_folder() / f"{len(self._pieces):06}.parquet"
            frame.write_parquet(piece, compression="lz4")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._unwritable(error) from None
        self._pieces.append(piece)
        self._columns = {name: [] for name in _SCHEMA}
        self._characters = 0

    def _note_texts(self, frame: pl.DataFrame) -> None:
        # One column at a time, as a copy of the texts would be a copy of the piece.
        prompts = frame.select(pl.struct(_PROMPT_KEY).hash(seed=0)).to_series()
        texts = frame.select(pl.col("text").hash(seed=1)).to_series()
        both = pl.DataFrame({"prompt": prompts, "text": texts}).select(pl.struct(pl.all()).hash())
        said = frame.select(pl.col("text").str.len_bytes().fill_null(0) > 0).to_series()
        self._texts.append(both.to_series().filter(said))

    def _mended(self) -> dict[str, Sequence[Any]]:
        """The columns with half characters, which no file can hold, replaced."""

        def mend(text: str | None) -> str | None:
            if text is None:
                return None
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            self.mended += whole != text
            return whole

        return {
            name: list(map(mend, values)) if name in _TEXTS else values
            for name, values in self._columns.items()
        }

    def _draft_folder(self) -> Path:
        """A folder on the disk that the table goes to, which may have to make its own."""
        if self._folder is None:
            parent = next(p for p in self.path.absolute().parents if p.is_dir())
            self._folder = self._drafts.enter_context(draft_folder(parent / self.path.name))
        return self._folder

    def _unwritable(self, error: Exception) -> TableError:
        why = getattr(error, "strerror", None) or (str(error).splitlines() or ["?"])[0][:120]
        return TableError(f"{self.path}: cannot be written ({why}); {remedy(error)}")
