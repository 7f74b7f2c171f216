"""How programs that run once or a few times are compiled."""

from __future__ import annotations

PLAINER_CODE: dict[str, bool | int | str] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
    "xla_llvm_disable_expensive_passes": True,
}
"""Options for `jax.jit` where compiling takes longer than running: XLA's plainer code."""
