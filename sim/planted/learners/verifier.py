"""The learnt verifier: a transformer that predicts the bi-level reward of every prefix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import predict_prefixes, prefix_loss
from verigap.sim.models.training import TrainingPlan
from verigap.sim.models.transformer import Params, init
from verigap.sim.planted.learners.data import LabelledTraces
from verigap.sim.planted.learners.fitting import Fitted, fit


def verifier_config(config: TransformerConfig) -> TransformerConfig:
    """The base's shape with a scalar output."""
    return replace(config, outputs=1)


@lru_cache(maxsize=16)
def verifier_loss(
    config: TransformerConfig,
) -> Callable[[Params, LabelledTraces], Float[Array, ""]]:
    """Mean cross-entropy of the rewards of all prefixes, for verifiers of one shape (nats)."""

    def loss(params: Params, batch: LabelledTraces) -> Float[Array, ""]:
        return prefix_loss(params, config, batch.prompts, batch.traces, batch.labels)

    return loss


def train_verifier(
    base: Params,
    config: TransformerConfig,
    labelled: LabelledTraces,
    plan: TrainingPlan,
    key: PRNGKeyArray,
) -> Fitted:
    """Cross-entropy over the transformer class, started from the base with a new head.

    Args:
      base: parameters of the base, whose body the verifier starts from.
      config: the verifier's shape, from `verifier_config`.
      labelled: base traces with rewards.
      plan: how to train.
      key: random stream of the new head and of the batches.
    """
    head_key, batch_key = jax.random.split(key)
    fresh = init(head_key, config)
    params = {**base, "head": fresh["head"]}
    return fit(verifier_loss(config), params, labelled, plan, batch_key)


def predicted_returns(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "n k"],
    traces: Int[Array, "n H"],
) -> Float[Array, " n"]:
    """Sum of the predicted prefix rewards, the verifier's estimate of the return (tokens)."""
    return jnp.sum(predict_prefixes(params, config, prompts, traces), axis=1)


class VerifierQuality(NamedTuple):
    """How well a verifier judges base traces of held-out prompts.

    Attributes:
      accuracy: share of prefixes whose reward it rounds to.
      majority: accuracy of always saying the more frequent reward.
      correlation: of predicted with true returns over all traces.
      within_prompt: mean over prompts of the correlation within a prompt, where returns differ.
    """

    accuracy: float
    majority: float
    correlation: float
    within_prompt: float


def verifier_quality(
    predictions: Float[np.ndarray, "prompts samples H"],
    labels: Float[np.ndarray, "prompts samples H"],
) -> VerifierQuality:
    """Accuracy on prefixes and correlation on returns."""
    rate = float(labels.mean())
    predicted, true = predictions.sum(axis=-1), labels.sum(axis=-1)
    within = [_correlation(p, t) for p, t in zip(predicted, true, strict=True) if np.ptp(t) > 0]
    return VerifierQuality(
        accuracy=float(((predictions > 0.5) == (labels > 0.5)).mean()),
        majority=max(rate, 1 - rate),
        correlation=_correlation(predicted.ravel(), true.ravel()),
        within_prompt=float(np.mean(within)) if within else float("nan"),
    )


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
