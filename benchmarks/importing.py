"""What `make bench` measures of the import: a million rows, in bounded memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

ROWS, SAMPLES = 1_000_000, 1000
_TEXT = "so the next step is to add the numbers and to check the sum again, " * 5
# How replies state their answers; one in twenty is right.
_REPLIES = (
    "The answer is {}.", "so it is \\boxed{{{}}}", "#### {}", "Answer: {}/2", "we have {} apples",
)  # fmt: skip
_ANSWERS = 20


def million(folder: Path) -> dict[str, object]:
    """One import of JSON Lines whose rows have verdicts."""
    return _import(folder, lambda _, sample: {"correct": sample % 3 == 0, "text": _TEXT})


def million_graded(folder: Path) -> dict[str, object]:
    """One import of JSON Lines whose rows have a text and the right answer."""
    return _import(folder, _ungraded)


def _ungraded(prompt: int, sample: int) -> dict[str, object]:
    form, answer = sample % len(_REPLIES), sample // len(_REPLIES) % _ANSWERS
    text = f"{_TEXT}\n{_REPLIES[form].format(prompt % 97 + answer)}"
    return {"target": str(prompt % 97), "text": text}


def _import(folder: Path, fields: Callable[[int, int], dict[str, object]]) -> dict[str, object]:
    """Seconds by the clock and of this process, and the size of the file (MiB)."""
    from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

    source = folder / "million.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for row in range(ROWS):
            prompt, sample = divmod(row, SAMPLES)
            entry = {"prompt_id": f"p{prompt}", "sample_id": sample, "n_tokens": 64}
            file.write(json.dumps(entry | fields(prompt, sample)) + "\n")
    start, cpu = time.perf_counter(), time.process_time()
    report = import_traces(FORMATS["table"], [source], folder / "million.parquet", ImportOptions())
    if report.samples != ROWS:
        raise ValueError(f"{report.samples} rows were imported, not {ROWS}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "mib": source.stat().st_size / 2**20,
    }
