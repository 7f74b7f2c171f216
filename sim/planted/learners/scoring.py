"""How a trained policy does on held-out prompts: returns, and distance from the base."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import predict_prefixes
from verigap.sim.models.sampling import log_probabilities, sample_many
from verigap.sim.models.transformer import Params
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.learners.verifier import verifier_config
from verigap.sim.planted.task import PlantedTask, prefix_rewards

_CHUNK = 512


class Pool(NamedTuple):
    """Traces of one policy, the same number for every prompt.

    Attributes:
      rewards: bi-level rewards.
      log_ratio: ln of the policy's over the base's probability of each trace (nats).
      predictions: the verifier's probability of each reward; NaN without a verifier.
    """

    rewards: Float[np.ndarray, "prompts samples H"]
    log_ratio: Float[np.ndarray, "prompts samples"]
    predictions: Float[np.ndarray, "prompts samples H"]

    @property
    def returns(self) -> Float[np.ndarray, "prompts samples"]:
        """Tokens of correct trace."""
        return self.rewards.sum(axis=-1)

    @property
    def value(self) -> Float[np.ndarray, " prompts"]:
        """Mean return (tokens)."""
        return self.returns.mean(axis=1)

    @property
    def kl(self) -> Float[np.ndarray, " prompts"]:
        """KL(policy || base), nats a trace; unbiased."""
        return self.log_ratio.mean(axis=1)

    @property
    def chi2(self) -> Float[np.ndarray, " prompts"]:
        """Chi-square of policy to base, E_policy[ratio] - 1; unbiased, with a heavy upper tail."""
        return np.maximum(np.exp(self.log_ratio).mean(axis=1) - 1.0, 0.0)


def draw_pool(
    key: PRNGKeyArray,
    policy: Params,
    base: Params,
    verifier: Params | None,
    config: TransformerConfig,
    task: PlantedTask,
    prompts: Int[Array, "P k"],
    horizon: int,
    samples: int,
) -> Pool:
    """Sample a policy on every prompt and judge its traces.

    Args:
      key: random stream of the traces.
      policy: parameters of what is scored.
      base: parameters of the base, of the same shape; may be the policy itself.
      verifier: parameters of the verifier, or None.
      config: shape of the policy.
      task: the task, for the true rewards.
      prompts: held-out prompts, as symbols.
      horizon: H, tokens.
      samples: traces a prompt.
    """
    repeated = jnp.repeat(prompts, samples, axis=0)
    ids = prompt_ids(task, repeated)
    traces, chosen = sample_many(key, policy, config, ids, horizon, chunk=_CHUNK)
    tokens = jnp.asarray(traces)
    shape = (prompts.shape[0], samples, horizon)
    before = by_chunk(lambda i, t: log_probabilities(base, config, i, t), ids, tokens)
    if verifier is None:
        predictions = np.full(shape, np.nan)
    else:
        scalar = verifier_config(config)
        judged = by_chunk(lambda i, t: predict_prefixes(verifier, scalar, i, t), ids, tokens)
        predictions = judged.reshape(shape)
    rewards = np.asarray(prefix_rewards(task, repeated, tokens), np.float64).reshape(shape)
    log_ratio = (chosen.astype(np.float64) - before).sum(axis=1).reshape(shape[:2])
    return Pool(rewards, log_ratio, predictions)


def by_chunk(
    function: Callable[[Array, Array], Array], ids: Int[Array, "n k"], tokens: Int[Array, "n H"]
) -> np.ndarray:
    """Values of a function of prompts and traces, computed for some rows at a time."""
    parts = [
        np.asarray(function(ids[at : at + _CHUNK], tokens[at : at + _CHUNK]), np.float64)
        for at in range(0, ids.shape[0], _CHUNK)
    ]
    return np.concatenate(parts)
