"""Importers of other people's sample logs: one file a format, one line here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from verigap.llm_validation.importers.import_traces import (
    ImportReport,
    import_traces,
)
from verigap.llm_validation.importers.ray_readers import BlockError, RayReaders
from verigap.llm_validation.importers.recognition import chosen, recognised
from verigap.llm_validation.importers.records import Format, ImportOptions
from verigap.llm_validation.importers.samples import Samples, samples_from
from verigap.llm_validation.traces import Traces

if TYPE_CHECKING:
    import polars as pl

    Source = pl.DataFrame | str | Path

_PLACES = {
    "lm-eval": "lm_eval:FORMAT",
    "inspect": "inspect_log:FORMAT",
    "lighteval": "lighteval:FORMAT",
    "evalplus": "evalplus:FORMAT",
    "livecodebench": "lists:LIVE_CODE_BENCH",
    "simple-evals": "simple_evals:FORMAT",
    "helm": "helm:FORMAT",
    "every-eval-ever": "every_eval_ever:FORMAT",
    "nemo-skills": "nemo_skills:FORMAT",
    "qwen-math": "lists:QWEN_MATH",
    "openr1": "lists:OPEN_R1",
    "trl": "training:TRL",
    "verl": "training:VERL",
    "verifiers": "verifiers:FORMAT",
    "monkeys": "monkeys:FORMAT",
    "openai-batch": "openai_batch:FORMAT",
    "anthropic-batch": "anthropic_batch:FORMAT",
    "search-and-learn": "search_and_learn:FORMAT",
    "table": "table:FORMAT",
}
"""Where every format is, as module:name, by the name that `verigap import` knows it by."""

FORMATS: Mapping[str, Format] = {
    name: resolve_name(f"{__name__}.{place}") for name, place in _PLACES.items()
}
"""Every format by the name that `verigap import` knows it by."""


def choose_format(asked: str | None, paths: Sequence[Path]) -> str:
    """The format to read files in: the one asked for, or the one that they are recognised as.

    Raises:
      ValueError: there is no such format; the files are of another, of several, or of none known.

    Example:
      >>> from pathlib import Path
      >>> from verigap.llm_validation.importers import choose_format
      >>> choose_format(None, [Path("tests/llm_validation/fixtures/monkeys.jsonl")])
      'monkeys'
    """
    return chosen(asked, paths, FORMATS)


def holds_samples(path: Path) -> bool:
    """Whether a file is a table of samples or the log of a tool, by its first record.

    Raises:
      TableError: the file is missing, damaged, or holds results without samples.

    Example:
      >>> from pathlib import Path
      >>> from verigap.llm_validation.importers import holds_samples
      >>> holds_samples(Path("examples/game24_gpt4.parquet"))
      True
    """
    return recognised(path, FORMATS) is not None


def read_samples(
    source: Source | Sequence[str | Path], options: ImportOptions | None = None
) -> Samples:
    """Traces, and how they were come by, from a table or from the logs of a tool.

    A table in memory or in a file and the logs of a tool, which are recognised by their content,
    are read by the same rules as `verigap import` does; nothing is written.

    Args:
      source: a table in memory, the path of one or of a log, or the paths of several logs.
      options: how to import; None for the defaults.

    Raises:
      ValueError: the files are of no or of several formats, or cannot be imported.

    Example:
      >>> from verigap.llm_validation.importers import read_samples
      >>> samples = read_samples("tests/llm_validation/fixtures/monkeys.jsonl")
      >>> samples.form, samples.traces.num_samples
      ('monkeys', 6)
    """
    if isinstance(source, str | Path):
        source = [source]
    if isinstance(source, Sequence):
        source = [Path(path) for path in source]
    return samples_from(source, options, FORMATS)


def read_traces(source: Source | Sequence[str | Path]) -> Traces:
    """The traces of `read_samples`; what is doubtful about them is a Python warning.

    Args:
      source: a table in memory, the path of one or of a log, or the paths of several logs.

    Raises:
      ValueError: the files are of no or of several formats, or cannot be imported.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> read_traces("examples/smollm2_products.parquet").num_samples
      1024
    """
    samples = read_samples(source)
    for warning in samples.warnings:
        warnings.warn(warning, stacklevel=2)
    return samples.traces


__all__ = [
    "FORMATS",
    "BlockError",
    "Format",
    "ImportOptions",
    "ImportReport",
    "RayReaders",
    "Samples",
    "choose_format",
    "holds_samples",
    "import_traces",
    "read_samples",
    "read_traces",
]
