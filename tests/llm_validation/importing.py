"""Imports in tests: a format, some files, and what comes of them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from verigap.llm_validation.importers import (
    FORMATS,
    ImportOptions,
    ImportReport,
    import_traces,
)
from verigap.llm_validation.traces import load_traces

FIXTURES = Path(__file__).with_name("fixtures")


class Imported(NamedTuple):
    frame: pl.DataFrame
    report: ImportReport

    def rows(self, *names: str) -> list[tuple[Any, ...]]:
        return self.frame.select(names).rows()

    def column(self, name: str) -> list[Any]:
        return self.frame[name].to_list()


def run(name: str, folder: Path, *files: Path | str, **options: Any) -> Imported:
    """Import into `folder`; a bare name is a fixture."""
    out = folder / "out.parquet"
    paths = [FIXTURES / file if isinstance(file, str) else file for file in files]
    report = import_traces(FORMATS[name], paths, out, ImportOptions(**options))
    # Reading it back applies every rule of a trace table to the whole.
    return Imported(load_traces(out).frame, report)


def write_lines(path: Path, *records: object) -> Path:
    """A JSON Lines file; bytes and text are lines as they stand."""
    lines = [
        record
        if isinstance(record, bytes)
        else (record if isinstance(record, str) else json.dumps(record)).encode()
        for record in records
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


HEADER: Mapping[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {
        "task": "sums",
        "model": "openai/tiny",
        "created": "2026-01-02T03:04:05+00:00",
        "dataset": {"name": "sums", "samples": 2, "sample_ids": ["a", 7]},
        "model_generate_config": {"temperature": 0.5},
        "config": {"epochs": 5},
    },
    "plan": {"name": "plan", "steps": [], "config": {"max_tokens": 32}},
}


def inspect_sample(name: str | int, epoch: int, text: Any, **more: Any) -> dict[str, Any]:
    """A sample as Inspect logs it."""
    message = {"id": "x", "content": text, "source": "generate", "role": "assistant"}
    sample = {
        "id": name,
        "epoch": epoch,
        "input": "1+1?",
        "target": "2",
        "messages": [{"role": "user", "content": "1+1?"}, message],
        "output": {
            "model": "tiny",
            "choices": [{"message": message, "stop_reason": "stop"}],
            "completion": text if isinstance(text, str) else "",
            "usage": {"input_tokens": 5, "output_tokens": 11, "total_tokens": 16},
        },
        "scores": {"match": {"value": "C", "answer": "2"}},
        "metadata": {},
        "events": [],
        "attachments": {},
    }
    return sample | more


def inspect_log(
    path: Path, samples: Iterable[Mapping[str, Any]], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A log of Inspect, laid out as it does."""
    with zipfile.ZipFile(path, "w", compression) as log:
        log.writestr("_journal/start.json", json.dumps(HEADER))
        for sample in samples:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            log.writestr(name, json.dumps(sample))
        log.writestr("summaries.json", "[]")
        log.writestr("header.json", json.dumps(HEADER))
    return path
