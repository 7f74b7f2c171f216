"""Imports by Ray, the logs they read, and what they are compared by.

Run as a module, it is the command `verigap` with a format more, whose records may end the process
that reads them; with the address of a cluster alone, it compares the imports of every fixture.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.llm_validation.importing import FIXTURES
from tests_ray.children import Children
from verigap.cli.interrupts import guarded
from verigap.cli.main import main
from verigap.llm_validation import importers
from verigap.llm_validation.importers import FORMATS, ImportOptions, RayReaders, import_traces
from verigap.llm_validation.importers.blocks import Readers
from verigap.llm_validation.importers.records import (
    Format,
    Item,
    Reading,
    Sample,
    parse_anywhere,
)
from verigap.llm_validation.importers.sources import json_lines

DEADLY = "deadly"
LOGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "monkeys.jsonl": ("monkeys", {}),
    "monkeys.json": ("monkeys", {}),
    "problem_7.yaml": ("monkeys", {}),
    "samples_gsm8k_2026-03-04T05-06-07.890123.jsonl": ("lm-eval", {}),
    "samples_repeats.jsonl": ("lm-eval", {}),
    "search_and_learn.jsonl": ("search-and-learn", {"score": "min"}),
    "batch_responses.jsonl": ("openai-batch", {"answers": FIXTURES / "batch_answers.csv"}),
    "batch_completions.jsonl": ("openai-batch", {}),
    "table.csv": (
        "table",
        {
            "mapping": {
                "prompt_id": "problem",
                "sample_id": "try",
                "correct": "is_correct",
                "n_tokens": "length",
            }
        },
    ),
}
"""Fixtures with their formats and options."""


def write_expressions(path: Path, rows: int, first: int = 0, number: object = 64) -> None:
    """A table whose answers only Math-Verify can judge; one in eight is right.

    Args:
      path: the file.
      rows: how many.
      first: number of the first prompt; each has 64 rows.
      number: what the last row has as its length.
    """
    with path.open("w") as file:
        for row in range(rows):
            prompt, sample = first + row // 64, row % 64
            entry = {
                "prompt_id": f"p{prompt}",
                "sample_id": sample,
                "n_tokens": number if row == rows - 1 else 64,
                "target": rf"\sqrt{{2}} + x^2 + {prompt}",
                "text": rf"word {row}, so \boxed{{x^2 + {prompt} + \sqrt{{{sample % 8 + 2}}}}}",
            }
            file.write(json.dumps(entry) + "\n")


class Importing(Children):
    """Runs of `verigap import` in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start one."""
        return self.run_module(
            "tests_ray.importing", "import", "--quiet", *arguments, folder=self._folder
        )


def read_deadly(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """Lines with a prompt each, of which one may end the process."""
    yield from parse_anywhere(json_lines(paths, reading), _deadly)


def _deadly(record: Mapping[str, Any]) -> list[Sample]:
    if record["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return [Sample(record["asked"], True, "the line")]


@dataclass(frozen=True)
class Open:
    """Readers that stay for the next import."""

    readers: Readers

    def opened(self) -> nullcontext[Readers]:
        return nullcontext(self.readers)


def compare(address: str, folder: Path) -> None:
    """Import every fixture by both engines, and print how many tables are equal byte by byte."""
    equal = 0
    with RayReaders(address=address).opened() as readers:
        for name, (form, given) in LOGS.items():
            options, log = ImportOptions(**given), [FIXTURES / name]
            local, remote = folder / "local.parquet", folder / "ray.parquet"
            told = import_traces(FORMATS[form], log, local, options)
            assert import_traces(FORMATS[form], log, remote, options, None, Open(readers)) == told
            equal += local.read_bytes() == remote.read_bytes()
    sys.stdout.write(f"{equal} of {len(LOGS)}\n")


if __name__ == "__main__":
    from tests_ray import importing

    if sys.argv[1] == "import":
        form = Format(importing.read_deadly, "lines that may be deadly")
        importers.FORMATS = {**FORMATS, DEADLY: form}
        guarded(main)
    compare(sys.argv[1], Path(sys.argv[2]))
