"""What `make bench` measures of the import: a million rows, in bounded memory."""

from __future__ import annotations

import json
import time
from pathlib import Path

ROWS, SAMPLES = 1_000_000, 1000
_TEXT = "so the next step is to add the numbers and to check the sum again, " * 5


def million(folder: Path) -> dict[str, object]:
    """Seconds of one import of JSON Lines, and the size of the file (MiB)."""
    from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

    source = folder / "million.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for row in range(ROWS):
            sample = {
                "prompt_id": f"p{row // SAMPLES}",
                "sample_id": row % SAMPLES,
                "correct": row % 3 == 0,
                "n_tokens": 64,
                "text": _TEXT,
            }
            file.write(json.dumps(sample) + "\n")
    start = time.perf_counter()
    report = import_traces(FORMATS["table"], [source], folder / "million.parquet", ImportOptions())
    if report.samples != ROWS:
        raise ValueError(f"{report.samples} rows were imported, not {ROWS}")
    return {"seconds": time.perf_counter() - start, "mib": source.stat().st_size / 2**20}
