"""Sampling: from a language model and a task to the canonical trace table.

The function is `llm_validation.sample_traces`; these are its options and the type of its report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.sampling.engine import Engine, EngineError, ModelSpec
    from verigap.llm_validation.sampling.loading import load_engine
    from verigap.llm_validation.sampling.options import SampleOptions
    from verigap.llm_validation.sampling.ray_engines import BatchError, RayEngines
    from verigap.llm_validation.sampling.report import SampleReport

__all__ = [
    "BatchError",
    "Engine",
    "EngineError",
    "ModelSpec",
    "RayEngines",
    "SampleOptions",
    "SampleReport",
    "load_engine",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.sampling.engine": (
            "Engine",
            "EngineError",
            "ModelSpec",
        ),
        "verigap.llm_validation.sampling.loading": ("load_engine",),
        "verigap.llm_validation.sampling.options": ("SampleOptions",),
        "verigap.llm_validation.sampling.ray_engines": ("BatchError", "RayEngines"),
        "verigap.llm_validation.sampling.report": ("SampleReport",),
    },
)
