"""Importers of other people's sample logs: one file a format, one line here."""

from collections.abc import Mapping

from verigap.llm_validation.importers import (
    inspect_log,
    lm_eval,
    monkeys,
    openai_batch,
    search_and_learn,
    table,
)
from verigap.llm_validation.importers.import_traces import (
    ImportReport,
    import_traces,
)
from verigap.llm_validation.importers.records import Format, ImportOptions

FORMATS: Mapping[str, Format] = {
    "lm-eval": lm_eval.FORMAT,
    "inspect": inspect_log.FORMAT,
    "monkeys": monkeys.FORMAT,
    "openai-batch": openai_batch.FORMAT,
    "search-and-learn": search_and_learn.FORMAT,
    "table": table.FORMAT,
}
"""Every format by the name that `verigap import` knows it by."""

__all__ = [
    "FORMATS",
    "Format",
    "ImportOptions",
    "ImportReport",
    "import_traces",
]
