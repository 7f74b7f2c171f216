"""Games, learners and sweeps that simulate what the theory bounds.

The calculator and the hard prompts of VB-LOWER are here, every other name is in its room.
Everything is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim import checks, models, planted, relabelling, sweeps, tight, token_mdp
    from verigap.sim.calculator import BoundValue, Calculation, Moments, Question, calculate
    from verigap.sim.hard_prompts import hard_prompt_risks

__all__ = [
    "BoundValue",
    "Calculation",
    "Moments",
    "Question",
    "calculate",
    "checks",
    "hard_prompt_risks",
    "models",
    "planted",
    "relabelling",
    "sweeps",
    "tight",
    "token_mdp",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim": (
            "checks",
            "models",
            "planted",
            "relabelling",
            "sweeps",
            "tight",
            "token_mdp",
        ),
        "verigap.sim.calculator": (
            "BoundValue",
            "Calculation",
            "Moments",
            "Question",
            "calculate",
        ),
        "verigap.sim.hard_prompts": ("hard_prompt_risks",),
    },
)
