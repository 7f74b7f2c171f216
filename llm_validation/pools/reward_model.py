"""Verifier-based learning on sample pools: a reward model of labelled base traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from verigap.llm_validation.pools.features import Features
from verigap.llm_validation.pools.newton import RIDGE, Minimum, minimise
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


class RewardModels(NamedTuple):
    """Reward models fitted to labelled traces, for each n and seed.

    Attributes:
      returns: predicted return over H of every sample, in [0, 1].
      converged: whether the fit of the model converged.
    """

    returns: Float[np.ndarray, "data_budgets seeds P K"]
    converged: Bool[np.ndarray, "data_budgets seeds"]


def predicted_returns(
    features: Features, traces: LabelledTraces, data_budgets: tuple[int, ...]
) -> RewardModels:
    """Return over H of every sample, predicted by logistic regression on the first n labels.

    The labels are shares of H, so the likelihood is the quasi-likelihood of a fractional response;
    for labels of 0 and 1 it is plain logistic regression. Constant where nothing was labelled.

    Source: Papke and Wooldridge 1996, "Econometric methods for fractional response variables".
    """
    known = traces.prompt >= 0
    chosen = features.values[traces.prompt, traces.sample]
    returns, converged = _fit(
        features.values, chosen, traces.label, known, jnp.asarray(data_budgets)
    )
    return RewardModels(np.asarray(returns), np.asarray(converged))


@jax.jit
def logistic_weights(
    features: Float[Array, "seeds n D"],
    label: Float[Array, "seeds n"],
    weight: Float[Array, "seeds n"],
) -> Minimum:
    """Weights and intercept of a ridge logistic regression, one for each seed.

    Args:
      features: of the labelled samples, standardised.
      label: in [0, 1].
      weight: of each labelled sample; 0 leaves it out.
    """
    dimensions = features.shape[2]
    ridge = jnp.full(dimensions + 1, RIDGE).at[dimensions].set(INTERCEPT_RIDGE)

    def fit(x: Array, y: Array, used: Array) -> Minimum:
        def loss(theta: Float[Array, " D+1"]) -> Float[Array, ""]:
            odds = x @ theta[:-1] + theta[-1]
            each = jax.nn.softplus(odds) - y * odds
            return used @ each + ridge @ theta**2 / 2.0

        return minimise(loss, dimensions + 1)

    return jax.vmap(fit)(features, label, weight)


@jax.jit
def _fit(
    phi: Float[Array, "P K D"],
    chosen: Float[Array, "seeds n D"],
    label: Float[Array, "seeds n"],
    known: Array,
    data_budgets: Int[Array, " data_budgets"],
) -> tuple[Float[Array, "data_budgets seeds P K"], Bool[Array, "data_budgets seeds"]]:
    def with_data(n: Int[Array, ""]) -> tuple[Array, Array]:
        used = jnp.where(known & (jnp.arange(chosen.shape[1]) < n)[None, :], 1.0, 0.0)
        theta, converged, _ = logistic_weights(chosen, label, used)
        odds = jnp.einsum("pkd,sd->spk", phi, theta[:, :-1]) + theta[:, -1, None, None]
        # Samples with the same features must tie, whatever the order of summation.
        return to_resolution(jax.nn.sigmoid(odds), 1.0), converged

    return jax.lax.map(with_data, data_budgets)
