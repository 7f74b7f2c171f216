"""Verifier-based learning on sample pools: a reward model of labelled base traces."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from verigap.llm_validation.pools.features import Features
from verigap.llm_validation.pools.newton import RIDGE, minimise
from verigap.theory.precision import to_resolution

# Enough to keep the intercept finite where all labels are alike, too little to move it elsewhere.
INTERCEPT_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class LabelledTraces:
    """Base traces with what they earned.

    Attributes:
      prompt, sample: which sample of which pool, in the order drawn; a learner of n uses the first
        n. -1 where there is no training prompt.
      label: return over H, in [0, 1].
    """

    prompt: Int[np.ndarray, "seeds n"]
    sample: Int[np.ndarray, "seeds n"]
    label: Float[np.ndarray, "seeds n"]


def predicted_returns(
    features: Features, traces: LabelledTraces, data: tuple[int, ...]
) -> Float[np.ndarray, "data seeds P K"]:
    """Return over H of every sample, predicted by logistic regression on the first n labels.

    The labels are shares of H, so the likelihood is the quasi-likelihood of a fractional response;
    for labels of 0 and 1 it is plain logistic regression. Constant where nothing was labelled.

    Source: Papke and Wooldridge 1996, "Econometric methods for fractional response variables".
    """
    known = traces.prompt >= 0
    chosen = features.values[traces.prompt, traces.sample]
    return np.asarray(_fit(features.values, chosen, traces.label, known, jnp.asarray(data)))


@jax.jit
def _fit(
    phi: Float[Array, "P K D"],
    chosen: Float[Array, "seeds n D"],
    label: Float[Array, "seeds n"],
    known: Array,
    data: Int[Array, " data"],
) -> Float[Array, "data seeds P K"]:
    dimensions = phi.shape[2]
    ridge = jnp.full(dimensions + 1, RIDGE).at[dimensions].set(INTERCEPT_RIDGE)

    def fit(x: Array, y: Array, weight: Array) -> Float[Array, " D+1"]:
        def loss(theta: Float[Array, " D+1"]) -> Float[Array, ""]:
            odds = x @ theta[:-1] + theta[-1]
            each = jax.nn.softplus(odds) - y * odds
            return weight @ each + ridge @ theta**2 / 2.0

        return minimise(loss, dimensions + 1)

    def with_data(n: Int[Array, ""]) -> Float[Array, "seeds P K"]:
        used = jnp.where(known & (jnp.arange(chosen.shape[1]) < n)[None, :], 1.0, 0.0)
        theta = jax.vmap(fit)(chosen, label, used)
        odds = jnp.einsum("pkd,sd->spk", phi, theta[:, :-1]) + theta[:, -1, None, None]
        # Samples with the same features must tie, whatever the order of summation.
        return to_resolution(jax.nn.sigmoid(odds), 1.0)

    return jax.lax.map(with_data, data)
