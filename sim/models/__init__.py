"""A small decoder-only transformer that clones traces, and its twin that verifies prefixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.models.checkpoints import load_parameters, save_parameters
    from verigap.sim.models.config import TransformerConfig
    from verigap.sim.models.losses import next_token_loss, prefix_loss
    from verigap.sim.models.sampling import log_probabilities, sample
    from verigap.sim.models.training import TrainingPlan, TrainingState, train
    from verigap.sim.models.transformer import Transformer, apply, count_parameters, init

__all__ = [
    "TrainingPlan",
    "TrainingState",
    "Transformer",
    "TransformerConfig",
    "apply",
    "count_parameters",
    "init",
    "load_parameters",
    "log_probabilities",
    "next_token_loss",
    "prefix_loss",
    "sample",
    "save_parameters",
    "train",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.models.checkpoints": (
            "load_parameters",
            "save_parameters",
        ),
        "verigap.sim.models.config": ("TransformerConfig",),
        "verigap.sim.models.losses": (
            "next_token_loss",
            "prefix_loss",
        ),
        "verigap.sim.models.sampling": (
            "log_probabilities",
            "sample",
        ),
        "verigap.sim.models.training": (
            "TrainingPlan",
            "TrainingState",
            "train",
        ),
        "verigap.sim.models.transformer": (
            "Transformer",
            "apply",
            "count_parameters",
            "init",
        ),
    },
)
