"""Importers of other people's sample logs: one file a format, one line here."""

from collections.abc import Mapping

from verigap.llm_validation.importers import (
    anthropic_batch,
    evalplus,
    every_eval_ever,
    helm,
    inspect_log,
    lighteval,
    lists,
    lm_eval,
    monkeys,
    nemo_skills,
    openai_batch,
    search_and_learn,
    simple_evals,
    table,
    training,
    verifiers,
)
from verigap.llm_validation.importers.import_traces import (
    ImportReport,
    import_traces,
)
from verigap.llm_validation.importers.records import Format, ImportOptions

FORMATS: Mapping[str, Format] = {
    "lm-eval": lm_eval.FORMAT,
    "inspect": inspect_log.FORMAT,
    "lighteval": lighteval.FORMAT,
    "evalplus": evalplus.FORMAT,
    "livecodebench": lists.LIVE_CODE_BENCH,
    "simple-evals": simple_evals.FORMAT,
    "helm": helm.FORMAT,
    "every-eval-ever": every_eval_ever.FORMAT,
    "nemo-skills": nemo_skills.FORMAT,
    "qwen-math": lists.QWEN_MATH,
    "openr1": lists.OPEN_R1,
    "trl": training.TRL,
    "verl": training.VERL,
    "verifiers": verifiers.FORMAT,
    "monkeys": monkeys.FORMAT,
    "openai-batch": openai_batch.FORMAT,
    "anthropic-batch": anthropic_batch.FORMAT,
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
