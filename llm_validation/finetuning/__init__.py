"""Cloning by real fine-tuning, and a verifier head, on the samples of one language model.

The function is `llm_validation.finetune`; these are its options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.finetuning.finetune import FinetuneOptions

__all__ = [
    "FinetuneOptions",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.finetuning.finetune": ("FinetuneOptions",),
    },
)
