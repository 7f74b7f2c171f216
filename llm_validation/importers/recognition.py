"""Which tool wrote a file, by what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers.columns import likely, listed
from verigap.llm_validation.importers.foreign import nothing_in, refuse_foreign
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import Format
from verigap.llm_validation.importers.rows import first_of, why_no_row
from verigap.storage.tables import TableError

_ZIP = b"PK"
# What tools write beside the samples, by fields that all of it has, and where the samples are.
_AGGREGATES: Sequence[tuple[frozenset[str], str]] = (
    (frozenset({"score", "score:std"}), "the *_allresults.json beside it"),
    (frozenset({"pass@1", "detail"}), "the *_eval_all.json beside it"),
    (frozenset({"avg_reward", "avg_metrics"}), "the results.jsonl beside it"),
    (frozenset({"results", "config_general"}), "the details_*.parquet of the same run"),
    (frozenset({"results", "versions"}), "the samples_*.jsonl of the same run (--log_samples)"),
    (frozenset({"evaluation_results", "evaluation_id"}), "the *_samples.jsonl beside it"),
    (frozenset({"num_samples", "num_scores", "acc"}), "the .jsonl beside it"),
)


def recognised(path: Path, formats: Mapping[str, Format]) -> str | None:
    """The name of the format of a file, or None where no format claims it.

    Raises:
      TableError: the file is missing, empty, of a kind that no format is, or holds results
        without samples.
    """
    if not path.is_file():
        problem = "is a folder; give its files" if path.is_dir() else "no such file; check the path"
        raise TableError(f"{path}: {problem}")
    if plain_name(path.name).endswith((".yaml", ".yml")):
        return "monkeys"
    if refuse_foreign(path).startswith(_ZIP):
        return "inspect"
    first = first_of(path)
    if first is None:
        return None
    for name, form in formats.items():
        if form.holds(first):
            return name
    _refuse_aggregates(path, first)
    return None


def _refuse_aggregates(path: Path, first: Mapping[str, Any]) -> None:
    for fields, samples in _AGGREGATES:
        if fields <= first.keys():
            raise TableError(f"{path}: holds results of a run but no samples; give {samples}")


def chosen(asked: str | None, paths: Sequence[Path], formats: Mapping[str, Format]) -> str:
    """The format to read files in: the one asked for, or the one that they are recognised as.

    Args:
      asked: the name of a format, or None.
      paths: the files.
      formats: every format by name.

    Raises:
      ValueError: there is no such format; the files are of another, of several, or of none known.
    """
    if asked is not None and asked not in formats:
        raise ValueError(f"{asked}: unknown format; use one of {', '.join(formats)}")
    # One empty file among others is a run that wrote nothing, and the import says so.
    full = [path for path in paths if not path.is_file() or nothing_in(path) is None]
    found = {path: recognised(path, formats) for path in full or paths}
    names = dict.fromkeys(name for name in found.values() if name is not None)
    # A table may have any columns, those of other formats too.
    if asked == "table" or (asked is not None and (asked in names or not names)):
        return asked
    if asked is not None:
        path, name = next((path, name) for path, name in found.items() if name is not None)
        raise ValueError(
            f"{path}: this is {formats[name].about}; leave the format out or give {name}"
        )
    if len(names) > 1:
        listed = ", ".join(f"{path} is {name}" for path, name in found.items() if name)
        raise ValueError(f"the files are of several formats ({listed}); import them one by one")
    if not names:
        raise ValueError(_unknown(paths[0], formats))
    return next(iter(names))


def _unknown(path: Path, formats: Mapping[str, Format]) -> str:
    """What is wrong with a file that no format claims: its content, or the names of its columns."""
    first = first_of(path)
    if not first:
        return f"{path}: no record can be read ({why_no_row(path)}); check the file"
    (header, *more) = first
    separator = next((mark for mark in ";|\t" if mark in header), None) if not more else None
    if separator is not None:
        return (
            f"{path}: its columns are separated by {separator!r}; write it with commas, or with "
            "tabs as .tsv"
        )
    known = f"give the format: {', '.join(formats)}, or table with `mapping` OURS=THEIRS"
    guesses = likely(first)
    if guesses is not None:
        read = [guesses.get(name, name) for name in ("correct", "target", "text")]
        lists = any(isinstance(first.get(column), list) for column in read)
        options = " ".join(f"`mapping` {name}={column}" for name, column in guesses.items())
        options += " `explode`" if lists else ""
        known = f"as a table, try `verigap import` with {options or 'table'}; else {known}"
    elif "prompt_id" in first:
        return (
            f"{path}: column 'correct' is missing (there are: {listed(first)}); `verigap import` "
            "with `mapping` correct=COLUMN, or `mapping` target=COLUMN for the right answers, says "
            "which it is"
        )
    return f"{path}: is of no format known here (its fields: {listed(first)}); {known}"
