"""From samples of real language models to per-prompt reward laws, predictions and a verdict.

The functions of the pipeline are here; the types that they return are in their rooms. Everything is
imported when it is first used, so that reading traces does not wait for JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation import (
        finetuning,
        fitting,
        importers,
        measuring,
        pools,
        predicting,
        reporting,
        sampling,
        tasks,
    )
    from verigap.llm_validation.finetuning.finetune import finetune
    from verigap.llm_validation.fitting.fit import fit
    from verigap.llm_validation.importers import import_traces, read_traces
    from verigap.llm_validation.laws import reward_laws
    from verigap.llm_validation.measuring.measure import measure
    from verigap.llm_validation.predicting.predict import predict
    from verigap.llm_validation.reporting.diagnose import diagnose
    from verigap.llm_validation.sampling.sample import sample_traces
    from verigap.llm_validation.traces import Traces, write_traces

__all__ = [
    "Traces",
    "diagnose",
    "finetune",
    "finetuning",
    "fit",
    "fitting",
    "import_traces",
    "importers",
    "measure",
    "measuring",
    "pools",
    "predict",
    "predicting",
    "read_traces",
    "reporting",
    "reward_laws",
    "sample_traces",
    "sampling",
    "tasks",
    "write_traces",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation": (
            "finetuning",
            "fitting",
            "importers",
            "measuring",
            "pools",
            "predicting",
            "reporting",
            "sampling",
            "tasks",
        ),
        "verigap.llm_validation.finetuning.finetune": ("finetune",),
        "verigap.llm_validation.fitting.fit": ("fit",),
        "verigap.llm_validation.importers": ("import_traces", "read_traces"),
        "verigap.llm_validation.laws": ("reward_laws",),
        "verigap.llm_validation.measuring.measure": ("measure",),
        "verigap.llm_validation.predicting.predict": ("predict",),
        "verigap.llm_validation.reporting.diagnose": ("diagnose",),
        "verigap.llm_validation.sampling.sample": ("sample_traces",),
        "verigap.llm_validation.traces": (
            "Traces",
            "write_traces",
        ),
    },
)
