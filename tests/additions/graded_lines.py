"""Lines with a question, a reply and a grade, as no tool writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Parsed,
    Reading,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.sources import json_lines


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """One sample a line."""
    yield from parse_each(json_lines(paths, reading), _sample)


def _sample(line: Mapping[str, Any]) -> list[Sample]:
    return [Sample(line["asked"], line["passed"], "the tool's grade", text=line["replied"])]


FORMAT = Format(
    read, "lines of a tool that is not there", holds=lambda first: {"asked", "passed"} <= set(first)
)
