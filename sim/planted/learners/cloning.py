"""VF-cloning: supervised fine-tuning of the base on expert traces (log-loss cloning)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from jaxtyping import Array, Float, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import next_token_loss
from verigap.sim.models.training import TrainingPlan
from verigap.sim.models.transformer import Params
from verigap.sim.planted.learners.data import Demonstrations
from verigap.sim.planted.learners.fitting import Fitted, fit


@lru_cache(maxsize=16)
def cloning_loss(config: TransformerConfig) -> Callable[[Params, Demonstrations], Float[Array, ""]]:
    """Mean -ln p(token) of demonstrations, for models of one shape (nats)."""

    def loss(params: Params, batch: Demonstrations) -> Float[Array, ""]:
        return next_token_loss(params, config, batch.prompts, batch.traces)

    return loss


def clone(
    base: Params,
    config: TransformerConfig,
    demonstrations: Demonstrations,
    plan: TrainingPlan,
    key: PRNGKeyArray,
    watch: Callable[[int, Params], None] = lambda step, params: None,
) -> Fitted:
    """Maximum likelihood over the transformer class, started from the base; as `fit`."""
    return fit(cloning_loss(config), base, demonstrations, plan, key, watch)
