"""What can be learned from pools of samples of one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.pools.features import Features
    from verigap.llm_validation.pools.pools import SamplePools, sample_pools

__all__ = [
    "Features",
    "SamplePools",
    "sample_pools",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.pools.features": ("Features",),
        "verigap.llm_validation.pools.pools": (
            "SamplePools",
            "sample_pools",
        ),
    },
)
