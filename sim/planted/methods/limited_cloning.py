"""Cloning with limited confidence, token by token (Chen et al., arXiv 2502.07154)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.models.training import TrainingPlan
from verigap.sim.models.transformer import Params
from verigap.sim.planted.learners.data import Demonstrations
from verigap.sim.planted.learners.fitting import Fitted, fit
from verigap.theory.limited_confidence import limited_loss

_LEAST = 1e-6
_MOST = 1 - 1e-6


@lru_cache(maxsize=16)
def limited_cloning_loss(
    config: TransformerConfig, num_candidates: float
) -> Callable[[Params, Demonstrations], Float[Array, ""]]:
    """Mean `limited_loss` of the tokens of demonstrations (nats); log-loss at N = 1."""

    def loss(params: Params, batch: Demonstrations) -> Float[Array, ""]:
        chosen = jnp.exp(log_probabilities(params, config, batch.prompts, batch.traces))
        # Beyond these the loss is flat to single precision.
        return jnp.mean(limited_loss(jnp.clip(chosen, _LEAST, _MOST), num_candidates))

    return loss


def limited_clone(
    base: Params,
    config: TransformerConfig,
    demonstrations: Demonstrations,
    plan: TrainingPlan,
    key: PRNGKeyArray,
    num_candidates: float,
    watch: Callable[[int, Params], None] = lambda step, params: None,
) -> Fitted:
    """Training of the base on demonstrations by the limited loss; as `fit`.

    The paper limits the probability of an answer, or of each step of a proof. A trace here has
    many tokens that carry nothing, so that its own probability is never near an N-th: tokens are
    limited.
    """
    loss = limited_cloning_loss(config, num_candidates)
    return fit(loss, base, demonstrations, plan, key, watch)
