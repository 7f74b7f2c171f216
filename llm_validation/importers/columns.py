"""Columns that are not there: which there are, and which is probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from verigap.llm_validation.importers import settings, values
from verigap.llm_validation.importers.records import BadRecord

_LISTED = 20
# What people call the columns of a trace table, the most telling first.
SYNONYMS: Mapping[str, Sequence[str]] = {
    "prompt_id": (
        "prompt_id", "problem_id", "question_id", "task_id", "unique_id", "example_id", "doc_id",
        "uuid", "idx", "id", "problem", "question", "prompt", "input",
    ),
    "correct": (
        "correct", "is_correct", "passed", "correctness", "correctness_math_verify", "graded_list",
        "symbolic_correct", "acc", "accuracy", "score", "reward", "label",
    ),
    "text": (
        "text", "completion", "response", "generation", "generations", "completions", "output",
        "reply", "responses", "outputs", "samples", "predictions", "model_output",
    ),
    "n_tokens": (
        "n_tokens", "num_tokens", "length", "completion_tokens", "completion_length",
        "num_generated_tokens", "token_count", "output_tokens",
    ),
    "target": ("target", "gold", "gt", "ground_truth", "expected_answer", "reference"),
    "answer": ("answer", "pred", "prediction", "predicted_answer"),
    "sample_id": ("sample_id", "sample", "try", "attempt", "repeat", "seed"),
    "model": ("model", "model_name", "model_id", "llm", "policy"),
    "dataset": ("dataset", "dataset_name", "data_source", "benchmark", "task", "subset"),
}  # fmt: skip
_WORTH_A_NOTE = {
    "n_tokens": "the lengths in tokens",
    "model": "names of models",
    "dataset": "names of data sets",
}


def guess(name: str, columns: Iterable[str], taken: Iterable[str] = ()) -> str | None:
    """The column that is probably meant by `name`, or None.

    Args:
      name: a column of the trace table, or what the user called one.
      columns: those there are.
      taken: those that have another meaning already.
    """
    used = set(taken)
    free = {c.lower(): c for c in columns if c not in used and not settings.is_setting(c)}
    for synonym in SYNONYMS.get(name, ()):
        if synonym in free:
            return free[synonym]
    close = difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.75)
    return free[close[0]] if close else None


def listed(columns: Collection[str]) -> str:
    """The names of columns, or the first of them, for a message."""
    return ", ".join(list(columns)[:_LISTED]) + (", ..." if len(columns) > _LISTED else "")


def likely(columns: Collection[str]) -> dict[str, str] | None:
    """How a table of any tool could be read: what each column of a trace table is probably called.

    Columns that have the name already are left out. None where no column is likely to be that of
    the prompts, or none to say whether an answer is correct.
    """
    found: dict[str, str] = {}
    for name in ("prompt_id", "correct", "target"):
        if name == "target" and "correct" in found:
            break
        meant = guess(name, columns, found.values())
        if meant is not None:
            found[name] = meant
    if "prompt_id" not in found or len(found) < 2:
        return None
    for name in ("sample_id", "text", "n_tokens", "model", "dataset"):
        meant = guess(name, columns, found.values())
        if meant is not None and name not in columns:
            found[name] = meant
    return {name: column for name, column in found.items() if name != column}


def has(row: Mapping[str, Any], column: str) -> bool:
    """Whether a row has a column, which may be nested, as in `metrics.accuracy`."""
    return column in row or ("." in column and values.at(row, column) is not None)


def require(row: Mapping[str, Any], name: str, mapping: Mapping[str, str]) -> None:
    """Refuse a row without the column that `name` of the trace table is mapped to.

    Raises:
      BadRecord: it lists the columns there are, and the one that is probably meant.
    """
    column = mapping[name]
    if has(row, column):
        return
    used = [other for key, other in mapping.items() if key != name]
    meant = guess(name, row, used) if column == name else guess(column, row, used)
    remedy = f"`mapping` {name}={meant or 'COLUMN'} says which it is"
    raise BadRecord(f"field {column!r} is missing (there are: {listed(row)})", remedy)


def unread(row: Mapping[str, Any], mapping: Mapping[str, str]) -> Iterator[str]:
    """One line on each column that is not read and looks like the length or the name of a group.

    Args:
      row: the first row of a table.
      mapping: column of the trace table to the column that is read as it.
    """
    for name, meaning in _WORTH_A_NOTE.items():
        if mapping[name] in row:
            continue
        used = [other for key, other in mapping.items() if key != name]
        meant = guess(name, row, used)
        if meant is not None and isinstance(row[meant], int | float | str | list):
            yield (
                f"column {meant!r} is not read; if it holds {meaning}, say `mapping` {name}={meant}"
            )
