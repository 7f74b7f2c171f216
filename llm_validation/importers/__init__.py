"""Importers of other people's sample logs: one file a format, one line here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name

from verigap.llm_validation.importers.import_traces import (
    ImportReport,
    import_traces,
)
from verigap.llm_validation.importers.recognition import chosen
from verigap.llm_validation.importers.records import Format, ImportOptions
from verigap.llm_validation.importers.samples import Samples, holds_log, samples_from

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


def is_log(path: Path) -> bool:
    """Whether a file is the log of a tool, and neither a trace table nor anything unknown.

    Raises:
      TableError: the file is missing, or holds results without samples.

    Example:
      >>> from pathlib import Path
      >>> from verigap.llm_validation.importers import is_log
      >>> is_log(Path("examples/game24_gpt4.parquet"))
      False
    """
    return holds_log(path, FORMATS)


def read_samples(paths: Sequence[Path], options: ImportOptions | None = None) -> Samples:
    """Traces from a trace table, or from the logs of a tool, which is recognised by their content.

    Args:
      paths: one trace table, or the files of one format.
      options: how to import; None for the defaults.

    Raises:
      ValueError: the files are of no or of several formats, or cannot be imported.

    Example:
      >>> from pathlib import Path
      >>> from verigap.llm_validation.importers import read_samples
      >>> read_samples([Path("examples/game24_gpt4.parquet")]).traces.frame.height
      20000
    """
    return samples_from(paths, options, FORMATS)


__all__ = [
    "FORMATS",
    "Format",
    "ImportOptions",
    "ImportReport",
    "Samples",
    "choose_format",
    "import_traces",
    "is_log",
    "read_samples",
]
