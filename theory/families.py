"""Families of reward laws: two-level, hitting-time laws, mixtures, and laws of observed returns."""

from __future__ import annotations

from jaxtyping import Float, Int

from verigap.theory.arrays import Array, gammaln, xlog1py, xp
from verigap.theory.laws import RewardLaw
from verigap.theory.rewards import return_at_budget


def two_level(mean: Float[Array, "*prompts"], sd: Float[Array, "*prompts"]) -> RewardLaw:
    """Returns mean - sd and mean + sd with probability one half each: the canonical hard law.

    Args:
      mean: tokens.
      sd: tokens, at least 0; it is a law of returns when mean - sd >= 0 and mean + sd <= horizon.

    Returns:
      The law, with two atoms a prompt.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import two_level
      >>> two_level(jnp.asarray(4.0), jnp.asarray(3.0)).support.tolist()
      [1.0, 7.0]
    """
    mean, sd = xp.asarray(mean), xp.asarray(sd)
    atoms = xp.stack([mean - sd, mean + sd], axis=-1)
    return RewardLaw(atoms, xp.full_like(atoms, 0.5))


def from_hitting_time_pmf(pmf: Float[Array, "*prompts horizon"]) -> RewardLaw:
    """Law of the return (horizon - T + 1)_+ from the law of the first correct index T.

    Args:
      pmf: P(T = t) in position t - 1 of the last axis, whose length is the horizon; what is missing
        to a sum of 1 is the probability that the trace is never correct.

    Returns:
      The law on the support 0..horizon, in tokens.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import from_hitting_time_pmf
      >>> from_hitting_time_pmf(jnp.asarray([0.5, 0.25])).probabilities.tolist()
      [0.25, 0.25, 0.5]
    """
    horizon = pmf.shape[-1]
    never = xp.clip(1.0 - xp.sum(pmf, axis=-1, keepdims=True), 0.0, 1.0)
    probabilities = xp.concatenate([never, xp.flip(pmf, axis=-1)], axis=-1)
    return RewardLaw(xp.arange(horizon + 1, dtype=probabilities.dtype), probabilities)


def geometric_hitting_time(success_rate: Float[Array, "*prompts"], horizon: int) -> RewardLaw:
    """Law of the return where every token hits with one probability: P(T = t) = p (1 - p)^(t - 1).

    Args:
      success_rate: p in [0, 1], of shape (*prompts).
      horizon: H, at least 1, in tokens.

    Returns:
      The law on the support 0..horizon, in tokens.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import geometric_hitting_time
      >>> round(float(geometric_hitting_time(jnp.asarray(0.5), 3).mean), 3)
      2.125
    """
    rate = xp.asarray(success_rate)[..., None]
    waits = xp.broadcast_to(xp.arange(horizon, dtype=rate.dtype), (*rate.shape[:-1], horizon))
    return from_hitting_time_pmf(rate * xp.exp(xlog1py(waits, -rate)))


def beta_geometric_hitting_time(
    alpha: Float[Array, "*prompts"], beta: Float[Array, "*prompts"], horizon: int
) -> RewardLaw:
    """Law of the return with a geometric hitting time whose rate is Beta(alpha, beta).

    P(T = t) = B(alpha + 1, beta + t - 1) / B(alpha, beta): heavy-tailed, heterogeneous traces.

    Args:
      alpha: above 0, of shape (*prompts).
      beta: above 0, of shape (*prompts).
      horizon: H, at least 1, in tokens.

    Returns:
      The law on the support 0..horizon, in tokens.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import beta_geometric_hitting_time
      >>> law = beta_geometric_hitting_time(jnp.asarray(1.0), jnp.asarray(1.0), 2)
      >>> [round(chance, 3) for chance in law.probabilities.tolist()]
      [0.333, 0.167, 0.5]
    """
    first, second = (xp.asarray(parameter)[..., None] for parameter in (alpha, beta))
    shape = (*first.shape[:-1], horizon - 1)
    waits = xp.broadcast_to(xp.arange(1, horizon, dtype=first.dtype), shape)
    # P(T = t + 1) / P(T = t) = (beta + t - 1) / (alpha + beta + t); logarithms of beta functions
    # would cancel, and jax's lose half of the digits from an argument of 8 on.
    log_steps = xp.log1p(-(first + 1.0) / (first + second + waits))
    log_start = xp.log(first / (first + second))
    log_pmf = xp.cumsum(xp.concatenate([log_start, log_steps], axis=-1), axis=-1)
    return from_hitting_time_pmf(xp.exp(log_pmf))


def negative_binomial_hitting_time(
    steps_needed: Float[Array, "*prompts"], success_rate: Float[Array, "*prompts"], horizon: int
) -> RewardLaw:
    """Law of the return where a trace is correct once `steps_needed` token successes have come.

    P(T = t) = C(t - 1, k - 1) p^k (1 - p)^(t - k) for t >= k; for a real k the gamma-function form
    is used with t - k read as the number of failures, so T starts at ceil(k).

    Args:
      steps_needed: k, above 0, of shape (*prompts).
      success_rate: p in (0, 1), of shape (*prompts).
      horizon: H, at least 1, in tokens.

    Returns:
      The law on the support 0..horizon, in tokens.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import negative_binomial_hitting_time
      >>> law = negative_binomial_hitting_time(jnp.asarray(2.0), jnp.asarray(0.5), 3)
      >>> [round(chance, 3) for chance in law.probabilities.tolist()]
      [0.5, 0.25, 0.25, 0.0]
    """
    needed, rate = (xp.asarray(parameter)[..., None] for parameter in (steps_needed, success_rate))
    start = xp.ceil(needed)
    token = xp.broadcast_to(
        xp.arange(1, horizon + 1, dtype=rate.dtype), (*rate.shape[:-1], horizon)
    )
    failures = token - start
    possible = failures >= 0
    count = xp.where(possible, failures, 0.0)
    log_pmf = (
        gammaln(count + needed)
        - gammaln(needed)
        - gammaln(count + 1.0)
        + needed * xp.log(rate)
        + xlog1py(count, -rate)
    )
    return from_hitting_time_pmf(xp.where(possible, xp.exp(log_pmf), 0.0))


def mixture(laws: RewardLaw, weights: Float[Array, " components"]) -> RewardLaw:
    """Mixture of laws over their leading axis.

    Args:
      laws: reward laws of shape (components, *prompts, K) on one shared support of shape (K,).
      weights: probabilities of the components.

    Returns:
      The mixed law, of shape (*prompts, K).

    Raises:
      ValueError: the components have supports of their own.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw, mixture
      >>> laws = RewardLaw(jnp.asarray([0.0, 8.0]), jnp.asarray([[1.0, 0.0], [0.0, 1.0]]))
      >>> mixture(laws, jnp.asarray([0.25, 0.75])).probabilities.tolist()
      [0.25, 0.75]
    """
    if laws.support.ndim != 1:
        raise ValueError("mixture: the components must share one support of shape (K,)")
    return RewardLaw(laws.support, xp.tensordot(weights, laws.probabilities, axes=1))


def from_returns(returns: Int[Array, "*prompts samples"], horizon: int) -> RewardLaw:
    """Empirical law of observed returns.

    Args:
      returns: whole numbers in 0..horizon (tokens), the samples along the last axis.
      horizon: H, at least 1.

    Returns:
      The law on the support 0..horizon.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import from_returns
      >>> from_returns(jnp.asarray([0, 0, 2, 1]), 2).probabilities.tolist()
      [0.5, 0.25, 0.25]
    """
    support = xp.arange(horizon + 1, dtype=returns.dtype)
    hits = returns[..., None] == xp.broadcast_to(support, (*returns.shape, horizon + 1))
    probabilities = xp.mean(hits.astype(float), axis=-2)
    return RewardLaw(support.astype(probabilities.dtype), probabilities)


def from_first_correct(first_correct: Int[Array, "*prompts samples"], horizon: int) -> RewardLaw:
    """Empirical law of the return at a budget from the indices of the first correct token.

    Args:
      first_correct: indices counted from 1, `NEVER` where there is none; samples along the last
        axis.
      horizon: the budget H, at least 1, in tokens.

    Returns:
      The law on the support 0..horizon.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import NEVER, from_first_correct
      >>> from_first_correct(jnp.asarray([1, 2, 5, NEVER]), 2).probabilities.tolist()
      [0.5, 0.25, 0.25]
    """
    return from_returns(return_at_budget(first_correct, horizon), horizon)
