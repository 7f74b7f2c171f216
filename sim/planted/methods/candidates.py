"""Traces of one policy on the held-out prompts, as selections see them."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from verigap.sim.models.sampling import sample_many
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import PlantedInstance
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.methods.verifiers import Verifier
from verigap.sim.planted.task import returns


class Candidates(NamedTuple):
    """The same number of traces for every prompt.

    Attributes:
      ids: prompts as models read them.
      traces: tokens.
      returns: tokens of correct trace.
    """

    ids: Int[np.ndarray, "prompts k"]
    traces: Int[np.ndarray, "prompts samples H"]
    returns: Float[np.ndarray, "prompts samples"]

    def judged(self, verifier: Verifier) -> Float[np.ndarray, "prompts samples H"]:
        """The verifier's probability of the reward of every prefix."""
        prompts, samples, horizon = self.traces.shape
        ids = jnp.asarray(np.repeat(self.ids, samples, axis=0))
        flat = jnp.asarray(self.traces.reshape(-1, horizon))
        return verifier.read(ids, flat).reshape(prompts, samples, horizon)


def draw_candidates(
    key: PRNGKeyArray, instance: PlantedInstance, policy: Params, samples: int | None = None
) -> Candidates:
    """Sample a policy on every held-out prompt.

    Args:
      key: random stream.
      instance: the task and its prompts.
      policy: parameters of the policy.
      samples: traces a prompt. Default: as the configuration says.
    """
    p = instance.parameters
    count = p.samples if samples is None else samples
    prompts = instance.prompts[1]
    repeated = jnp.repeat(prompts, count, axis=0)
    ids = prompt_ids(instance.task, repeated)
    drawn, _ = sample_many(key, policy, instance.config, ids, p.horizon, chunk=512)
    earned = returns(instance.task, repeated, jnp.asarray(drawn))
    shape = (prompts.shape[0], count)
    return Candidates(
        np.asarray(prompt_ids(instance.task, prompts)),
        np.asarray(drawn).reshape(*shape, p.horizon),
        np.asarray(earned, np.float64).reshape(shape),
    )


def random_orders(
    seed: int, samples: int, num_candidates: int, orders: int
) -> Int[np.ndarray, "sets N"]:
    """Sets of N samples: each random order of all samples is cut into as many as it holds.

    Args:
      seed: of the orders.
      samples: number of samples, at least N.
      num_candidates: N.
      orders: number of orders.
    """
    rng = np.random.default_rng(seed)
    whole = samples // num_candidates * num_candidates
    return np.concatenate(
        [rng.permutation(samples)[:whole].reshape(-1, num_candidates) for _ in range(orders)]
    )
