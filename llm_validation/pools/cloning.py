"""Verifier-free learning on sample pools: log-loss cloning by a log-linear tilt of the base.

The policy class is pi_theta(tau | x) proportional to exp(theta' phi(x, tau)) over the pool of x.
The learner sees which traces were shown, and no reward: there is none in `Demonstrations`.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from verigap.llm_validation.pools.features import Features
from verigap.llm_validation.pools.newton import RIDGE, minimise

_AT_ONCE = 2**24
"""Features held at once while fitting; the second derivatives take as much again."""


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Traces that an expert showed: no reward, by type.

    Attributes:
      prompt, sample: which sample of which pool, in the order shown; a learner of n uses the first
        n. -1 where no training pool holds a success, and there is nothing to show.
    """

    prompt: Int[np.ndarray, "seeds n"]
    sample: Int[np.ndarray, "seeds n"]


def show(
    expert: Float[np.ndarray, "P K"], shown: Bool[np.ndarray, "seeds P"], uniforms: np.ndarray
) -> Demonstrations:
    """Demonstrations of an expert: a random prompt each, and a fresh trace of the expert on it.

    Args:
      expert: its probabilities on each pool.
      shown: which prompts each seed may draw.
      uniforms: shape (seeds, n, 2), the randomness.
    """
    share = np.cumsum(shown, axis=1)
    total = share[:, -1:]
    wanted = np.floor(uniforms[:, :, 0] * total).astype(np.int64)
    rows = zip(share, wanted, strict=True)
    prompt = np.stack([np.searchsorted(row, want, "right") for row, want in rows])
    cumulative = np.cumsum(expert, axis=1)
    cumulative /= cumulative[:, -1:]
    prompt = np.minimum(prompt, expert.shape[0] - 1)
    reached = cumulative[prompt] <= uniforms[:, :, 1:]
    sample = np.minimum(reached.sum(axis=2), expert.shape[1] - 1)
    nothing = np.broadcast_to(total == 0, prompt.shape)
    return Demonstrations(np.where(nothing, -1, prompt), np.where(nothing, -1, sample))


def clone(
    features: Features, demonstrations: Demonstrations, data: tuple[int, ...]
) -> Float[np.ndarray, "data seeds P K"]:
    """Policies of maximum likelihood from the first n demonstrations, for each n.

    The conditional logit sum_i theta' phi(x_i, tau_i) - log sum_tau exp theta' phi(x_i, tau), less
    the ridge; the base where nothing was shown.

    Returns:
      Probabilities over each pool, also of prompts that were not shown.
    """
    known = demonstrations.prompt >= 0
    chosen = features.values[demonstrations.prompt, demonstrations.sample] * known[:, :, None]
    sums = np.cumsum(chosen, axis=1)[:, [n - 1 for n in data]]
    counts = np.zeros((len(data), *known.shape[:1], features.mask.shape[0]))
    for index, n in enumerate(data):
        seed = np.repeat(np.arange(known.shape[0]), n)
        np.add.at(counts[index], (seed, demonstrations.prompt[:, :n].ravel()), known[:, :n].ravel())
    return np.asarray(
        _fit(features.values, features.mask, jnp.asarray(np.moveaxis(sums, 1, 0)), counts)
    )


@jax.jit
def _fit(
    phi: Float[Array, "P K D"],
    mask: Bool[Array, "P K"],
    sums: Float[Array, "data seeds D"],
    counts: Float[Array, "data seeds P"],
) -> Float[Array, "data seeds P K"]:
    def scores(theta: Float[Array, " D"]) -> Float[Array, "P K"]:
        return jnp.where(mask, phi @ theta, -jnp.inf)

    def fit(both: tuple[Array, Array]) -> Float[Array, " D"]:
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
    theta = jax.lax.map(fit, flat, batch_size=batch)
    policies = jax.lax.map(lambda one: jax.nn.softmax(scores(one), axis=-1), theta)
    return policies.reshape(*sums.shape[:2], *mask.shape)
