"""Files of right answers by custom_id, for logs that hold replies alone."""

from __future__ import annotations

from pathlib import Path

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import BadRecord, Reading
from verigap.llm_validation.importers.sources import csv_rows, document, json_lines, json_object
from verigap.storage.tables import TableError


def read_answers(path: Path) -> dict[str, str]:
    """Right answers by custom_id from a CSV or JSONL file, or one JSON object of them.

    Raises:
      TableError: the file cannot be read, or one custom_id has two answers.
    """
    found: dict[str, str] = {}
    reading = Reading([])
    suffix = plain_name(path.name).rpartition(".")[2]
    if suffix == "json":
        data = document(path, reading)
        content = data if isinstance(data, BadRecord) else json_object(data)
        if isinstance(content, BadRecord):
            raise TableError(f"{path}: {content}; give an object of answers by custom_id")
        rows = iter([(str(path), {"custom_id": key, "answer": content[key]}) for key in content])
    else:
        rows = csv_rows(path, reading) if suffix == "csv" else json_lines([path], reading)
    for place, row in rows:
        try:
            if isinstance(row, BadRecord):
                raise row
            name = values.identifier(values.get(row, "custom_id"), "custom_id")
            answer = values.identifier(
                row["answer"] if "answer" in row else values.get(row, "target"), "answer"
            )
            if found.setdefault(name, answer) != answer:
                raise BadRecord(f"custom_id {values.shown(name)} has two answers")
        except BadRecord as problem:
            what = f"{place}: {problem}; each line needs a custom_id and an answer (text)"
            raise TableError(what) from None
    return found
