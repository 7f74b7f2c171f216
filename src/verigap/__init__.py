"""verigap: does it pay to verify rather than to clone, at this token budget and this much data?

Verbs, from a reward law to bounds and simulations:

  calculate    every bound and every learner's risk in one setting
  sweep        simulate learners over a grid of settings
  check        test every bound against a sweep
  rerun        compute cells of a sweep again, and compare
  attack       look for the instance nearest to breaking a bound

Verbs, from samples of a language model to a verdict:

  read_traces  sampled answers, from a table or from the logs of an evaluation
  fit          heterogeneity, coverage and pass@k, with intervals
  predict      what cloning and verifying will earn, before anything is trained
  measure      what they earn on held-out prompts
  diagnose     fit, predict, measure, and one report with a verdict

Rooms, for everything else:

  theory          mathematics on finite reward laws: bounds, experts, exact risks
  sim             games, learners, sweeps and checks
  llm_validation  traces, fits, predictions, measurements, reports
  figures         the figures of the documentation

Everything is imported when it is first used. Computations follow JAX's precision: enable 64-bit
numbers with jax.config.update("jax_enable_x64", True), as the command line does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap import figures, llm_validation, sim, theory
    from verigap.verbs import (
        attack,
        calculate,
        check,
        diagnose,
        fit,
        measure,
        predict,
        read_traces,
        rerun,
        sweep,
    )

    __version__: str

__all__ = [
    "__version__",
    "attack",
    "calculate",
    "check",
    "diagnose",
    "figures",
    "fit",
    "llm_validation",
    "measure",
    "predict",
    "read_traces",
    "rerun",
    "sim",
    "sweep",
    "theory",
]


_load, __dir__ = lazy_face(
    __name__,
    {
        "verigap": ("figures", "llm_validation", "sim", "theory"),
        "verigap.verbs": (
            "attack",
            "calculate",
            "check",
            "diagnose",
            "fit",
            "measure",
            "predict",
            "read_traces",
            "rerun",
            "sweep",
        ),
    },
)


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _load(name)
    # Looking for installed packages takes longer than the rest of this module.
    from importlib.metadata import version

    globals()[name] = version("verigap")
    return globals()[name]
