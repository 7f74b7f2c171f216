"""Verifier-free learning on sample pools: log-loss cloning by a log-linear tilt of the base.

The policy class is pi_theta(tau | x) proportional to exp(theta' phi(x, tau)) over the pool of x.
The learner sees which traces were demonstrated, and no reward: `Demonstrations` hold none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from verigap.llm_validation.pools.features import Features
from verigap.llm_validation.pools.newton import RIDGE, Minimum, minimise

_AT_ONCE = 2**24
"""Features held at once while fitting; the second derivatives take as much again."""


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Traces drawn from the pools by a policy, such as an expert; the type has no reward.

    Attributes:
      prompt, sample: which sample of which pool, in the order drawn; a learner of n uses the first
        n. -1 where no prompt may be drawn.
    """

    prompt: Int[np.ndarray, "seeds n"]
    sample: Int[np.ndarray, "seeds n"]


def draw_traces(
    policy: Float[np.ndarray, "P K"],
    allowed: Bool[np.ndarray, "seeds P"],
    uniforms: Float[np.ndarray, "seeds n 2"],
) -> Demonstrations:
    """Independent traces of a policy: a random prompt each, and a sample of the policy on it.

    Args:
      policy: probabilities of the samples of each pool.
      allowed: which prompts each seed may draw, all equally likely.
      uniforms: uniform numbers in [0, 1) that choose the prompt and the sample.
    """
    share = np.cumsum(allowed, axis=1)
    total = share[:, -1:]
    wanted = np.floor(uniforms[:, :, 0] * total).astype(np.int64)
    rows = zip(share, wanted, strict=True)
    prompt = np.stack([np.searchsorted(row, want, "right") for row, want in rows])
    cumulative = np.cumsum(policy, axis=1)
    cumulative /= cumulative[:, -1:]
    prompt = np.minimum(prompt, policy.shape[0] - 1)
    reached = cumulative[prompt] <= uniforms[:, :, 1:]
    sample = np.minimum(reached.sum(axis=2), policy.shape[1] - 1)
    nothing = np.broadcast_to(total == 0, prompt.shape)
    return Demonstrations(np.where(nothing, -1, prompt), np.where(nothing, -1, sample))


class Clones(NamedTuple):
    """Policies cloned from demonstrations, for each n and seed.

    Attributes:
      policies: probabilities over each pool, also of prompts that were not demonstrated.
      converged: whether the fit of the policy converged.
    """

    policies: Float[np.ndarray, "data_budgets seeds P K"]
    converged: Bool[np.ndarray, "data_budgets seeds"]


def clone(
    features: Features, demonstrations: Demonstrations, data_budgets: tuple[int, ...]
) -> Clones:
    """Policies of maximum likelihood from the first n demonstrations, for each n.

    The conditional logit sum_i theta' phi(x_i, tau_i) - log sum_tau exp theta' phi(x_i, tau), less
    the ridge; the base where nothing was demonstrated.

    Args:
      features: phi of every sample.
      demonstrations: traces of the expert, at least as many as the largest n.
      data_budgets: the n, ascending.
    """
    known = demonstrations.prompt >= 0
    chosen = features.values[demonstrations.prompt, demonstrations.sample] * known[:, :, None]
    sums = np.cumsum(chosen, axis=1)[:, [n - 1 for n in data_budgets]]
    counts = np.zeros((len(data_budgets), *known.shape[:1], features.mask.shape[0]))
    for index, n in enumerate(data_budgets):
        seed = np.repeat(np.arange(known.shape[0]), n)
        np.add.at(counts[index], (seed, demonstrations.prompt[:, :n].ravel()), known[:, :n].ravel())
    policies, converged = _fit(
        features.values, features.mask, jnp.asarray(np.moveaxis(sums, 1, 0)), counts
    )
    return Clones(np.asarray(policies), np.asarray(converged))


@jax.jit
def _fit(
    phi: Float[Array, "P K D"],
    mask: Bool[Array, "P K"],
    sums: Float[Array, "data_budgets seeds D"],
    counts: Float[Array, "data_budgets seeds P"],
) -> tuple[Float[Array, "data_budgets seeds P K"], Bool[Array, "data_budgets seeds"]]:
    def scores(theta: Float[Array, " D"]) -> Float[Array, "P K"]:
        return jnp.where(mask, phi @ theta, -jnp.inf)

    def fit(both: tuple[Array, Array]) -> Minimum:
        total, count = both

        def loss(theta: Float[Array, " D"]) -> Float[Array, ""]:
            normaliser = jax.nn.logsumexp(scores(theta), axis=1)
            return count @ normaliser - total @ theta + RIDGE / 2 * theta @ theta

        return minimise(loss, phi.shape[2])

    # As many fits at once as fit into memory; a number that divides them all compiles once.
    fits = sums.shape[0] * sums.shape[1]
    most = max(1, min(fits, _AT_ONCE // max(phi.size, 1)))
    batch = next(size for size in range(most, 0, -1) if fits % size == 0)
    flat = (sums.reshape(fits, -1), counts.reshape(fits, -1))
    fitted = jax.lax.map(fit, flat, batch_size=batch)
    policies = jax.lax.map(lambda one: jax.nn.softmax(scores(one), axis=-1), fitted.value)
    return (
        policies.reshape(*sums.shape[:2], *mask.shape),
        fitted.converged.reshape(sums.shape[:2]),
    )
