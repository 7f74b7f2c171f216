"""Engines that compute the cells of a sweep elsewhere, and what is kept of compiled programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.engines.compiled_programs import keep_compiled_programs
    from verigap.engines.ray_engine import RayEngine
    from verigap.sim.sweeps.engine import LocalEngine

__all__ = ["LocalEngine", "RayEngine", "keep_compiled_programs"]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.engines.compiled_programs": ("keep_compiled_programs",),
        "verigap.engines.ray_engine": ("RayEngine",),
        "verigap.sim.sweeps.engine": ("LocalEngine",),
    },
)
