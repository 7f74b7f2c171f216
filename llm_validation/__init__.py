"""From samples of real language models to per-prompt reward laws and their statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigap.llm_validation.fitting.fit import fit
    from verigap.llm_validation.reporting.diagnose import diagnose

__all__ = ["diagnose", "fit"]


def __getattr__(name: str) -> Any:
    # The fit needs JAX and SciPy; reading and writing traces should not wait for them.
    if name == "fit":
        from verigap.llm_validation.fitting.fit import fit

        return fit
    if name == "diagnose":
        from verigap.llm_validation.reporting.diagnose import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
