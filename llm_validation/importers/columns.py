"""Columns that are not there: which there are, and which is probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verigap.llm_validation.importers import values
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
        "reply",
    ),
    "n_tokens": (
        "n_tokens", "num_tokens", "length", "completion_tokens", "completion_length",
        "num_generated_tokens", "token_count", "output_tokens",
    ),
    "target": ("target", "gold", "gt", "ground_truth", "expected_answer", "reference"),
    "answer": ("answer", "pred", "prediction", "predicted_answer"),
    "sample_id": ("sample_id", "sample", "try", "attempt", "repeat", "seed"),
}  # fmt: skip


def guess(name: str, columns: Iterable[str], taken: Iterable[str] = ()) -> str | None:
    """The column that is probably meant by `name`, or None.

    Args:
      name: a column of the trace table, or what the user called one.
      columns: those there are.
      taken: those that have another meaning already.
    """
    free = {column.lower(): column for column in columns if column not in set(taken)}
    for synonym in SYNONYMS.get(name, ()):
        if synonym in free:
            return free[synonym]
    close = difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.75)
    return free[close[0]] if close else None


def require(row: Mapping[str, Any], name: str, mapping: Mapping[str, str]) -> None:
    """Refuse a row without the column that `name` of the trace table is mapped to.

    Raises:
      BadRecord: it lists the columns there are, and the one that is probably meant.
    """
    column = mapping[name]
    if column in row or ("." in column and values.at(row, column) is not None):
        return
    used = [other for key, other in mapping.items() if key != name]
    meant = guess(name, row, used) if column == name else guess(column, row, used)
    listed = ", ".join(list(row)[:_LISTED]) + (", ..." if len(row) > _LISTED else "")
    remedy = f"`mapping` {name}={meant or 'COLUMN'} says which it is"
    raise BadRecord(f"field {column!r} is missing (there are: {listed})", remedy)


def unread_length(row: Mapping[str, Any], mapping: Mapping[str, str]) -> str | None:
    """One line on a column that looks like the length, where no column is read as that."""
    if mapping["n_tokens"] in row:
        return None
    meant = guess("n_tokens", row, [other for name, other in mapping.items() if name != "n_tokens"])
    if meant is None or not isinstance(row[meant], int | str | list):
        return None
    return (
        f"column {meant!r} is not read; if it holds the lengths in tokens, say "
        f"`mapping` n_tokens={meant}"
    )
