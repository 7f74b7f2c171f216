"""Which share of an import waits for graders: what more machines could take from it.

    python -m benchmarks.import_grading

Of three logs with the same texts: one states verdicts, one has numbers as answers, one expressions
of which only Math-Verify can say whether they are equal. In the last, one answer in so many is new;
the others repeat an earlier one of their prompt, as samples do.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces
from verigap.llm_validation.importers.grading import Grader

ROWS, SAMPLES = 10_000, 100
_TEXT = "so the next step is to add the terms and to check the sum again, " * 5


def stated(prompt: int, sample: int) -> dict[str, Any]:
    """The log says which samples are right."""
    return {"correct": sample % 3 == 0, "text": _TEXT}


def numbers(prompt: int, sample: int) -> dict[str, Any]:
    """Answers and targets are numbers."""
    return {"target": str(prompt), "text": f"{_TEXT}\nThe answer is {prompt + sample % 9}."}


def expressions(every: int) -> Callable[[int, int], dict[str, Any]]:
    """Answers and targets are expressions; one in `every` answers of a prompt is new."""

    def row(prompt: int, sample: int) -> dict[str, Any]:
        answer = rf"\boxed{{x^2 + {prompt} + \sqrt{{{sample // every + 2}}}}}"
        return {"target": rf"\sqrt{{2}} + x^2 + {prompt}", "text": f"{_TEXT}\n{answer}"}

    return row


def measured(fields: Callable[[int, int], dict[str, Any]], rows: int) -> tuple[float, float]:
    """Seconds of an import, and those of them in which it waits for graders."""
    waited = 0.0
    settle = Grader.settle

    def timed(self: Grader, pending: Any) -> list[bool | None]:
        nonlocal waited
        began = time.perf_counter()
        try:
            return settle(self, pending)
        finally:
            waited += time.perf_counter() - began

    with tempfile.TemporaryDirectory() as name, mock.patch.object(Grader, "settle", timed):
        source = Path(name) / "log.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for number in range(rows):
                prompt, sample = divmod(number, SAMPLES)
                entry = {"prompt_id": f"p{prompt}", "sample_id": sample, "n_tokens": 64}
                file.write(json.dumps(entry | fields(prompt, sample)) + "\n")
        began = time.perf_counter()
        import_traces(FORMATS["table"], [source], Path(name) / "t.parquet", ImportOptions())
        return time.perf_counter() - began, waited


def main() -> None:
    """Print a row for each log."""
    print("| log | rows | seconds | of these for graders |\n|---|---|---|---|")
    for name, fields, rows in (
        ("states verdicts", stated, ROWS),
        ("numbers", numbers, ROWS),
        ("expressions, 1 in 20 new", expressions(20), ROWS // 5),
        ("expressions, all new", expressions(1), ROWS // 50),
    ):
        seconds, waited = measured(fields, rows)
        print(f"| {name} | {rows:,} | {seconds:.1f} | {waited:.1f} |", flush=True)


if __name__ == "__main__":
    main()
