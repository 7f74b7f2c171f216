"""Files of right answers by custom_id, for logs that hold replies alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.foreign import refuse_foreign
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import BadRecord, Note, Parsed, Reading
from verigap.llm_validation.importers.rows import rows
from verigap.llm_validation.importers.sources import document, json_object
from verigap.storage.tables import TableError

References = tuple[object, ...]
"""Right answers, any of which will do; none where nobody knows one."""

_LISTED = 3


class Answers:
    """Right answers by custom_id, and which of them were asked for."""

    def __init__(self, path: Path | None) -> None:
        """Read the file, if there is one.

        Raises:
          TableError: it cannot be read, or one custom_id has two answers.
        """
        self._path = path
        self._known = {} if path is None else read_answers(path)
        self._used: set[str] = set()
        self._without: dict[str, None] = {}
        self._lacking = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._known)

    def of(self, *names: str) -> References:
        """The right answers to a request, by the first of its names that has some."""
        for name in names:
            if name in self._known:
                self._used.add(name)
                return self._known[name]
        self._lacking += 1
        if len(self._without) < _LISTED:
            self._without[names[0]] = None
        return ()

    def doubts(self) -> Iterator[Parsed]:
        """What does not match, after the last response.

        Raises:
          TableError: no answer is to a request there is.
        """
        if self._path is None or not (self._used or self._lacking):
            return
        unused = [name for name in self._known if name not in self._used]
        theirs, ours = _some(unused, len(unused)), _some(self._without, self._lacking)
        if not self._used:
            raise TableError(
                f"{self._path}: no custom_id in it is that of a response; it has {theirs}"
                f", the responses have {ours}; write both alike"
            )
        if self._lacking:
            note = f"{self._path}: no answer to {self._lacking} responses ({ours})"
            yield Parsed(str(self._path), Note(f"{note}; they are ungraded"))
        if unused:
            note = f"{self._path}: {len(unused)} of {len(self._known)} answers are to no response"
            yield Parsed(str(self._path), Note(f"{note} ({theirs})"))


def _some(names: Iterable[str], number: int) -> str:
    """The first of some names, for a message."""
    dots = ", ..." if number > _LISTED else ""
    return ", ".join(map(repr, itertools.islice(names, _LISTED))) + dots


def read_answers(path: Path) -> dict[str, References]:
    """Right answers by custom_id from a CSV or JSONL file, or one JSON object of them.

    An answer is a text, a number, or a list of those, any of which will do.

    Raises:
      TableError: the file cannot be read, or one custom_id has two answers.
    """
    found: dict[str, References] = {}
    for place, row in _rows(path):
        try:
            if isinstance(row, BadRecord):
                raise row
            name = values.identifier(values.get(row, "custom_id"), "custom_id")
            given = row["answer"] if "answer" in row else values.get(row, "target")
            answers = values.references(given, "answer")
            if not any(str(answer).strip() for answer in answers):
                raise BadRecord(f"the answer to {values.shown(name)} is empty")
            if found.setdefault(name, answers) != answers:
                raise BadRecord(f"custom_id {values.shown(name)} has two answers")
        except BadRecord as problem:
            what = f"{place}: {problem}; each line needs a custom_id and an answer"
            raise TableError(what) from None
    if not found:
        raise TableError(f"{path}: holds no answers; each line needs a custom_id and an answer")
    return found


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Records with `custom_id` and `answer`."""
    refuse_foreign(path)
    if plain_name(path.name).endswith(".json"):
        data = document(path, Reading([]))
        content = data if isinstance(data, BadRecord) else json_object(data)
        if isinstance(content, dict):
            for name, answer in content.items():
                yield str(path), {"custom_id": name, "answer": answer}
            return
    yield from rows(path, Reading([]))
