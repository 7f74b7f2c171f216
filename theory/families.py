"""Families of reward laws: two-level, hitting-time laws, mixtures, and laws of observed returns."""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import gammaln, xlog1py
from jaxtyping import Array, Float, Int

from verigap.theory.laws import RewardLaw
from verigap.theory.rewards import return_at_budget


def two_level(mean: Float[Array, "*prompts"], sd: Float[Array, "*prompts"]) -> RewardLaw:
    """Returns mean - sd and mean + sd with probability one half each: the canonical hard law.

    It is a law of returns when 0 <= mean - sd and mean + sd <= horizon.
    """
    mean, sd = jnp.asarray(mean), jnp.asarray(sd)
    atoms = jnp.stack([mean - sd, mean + sd], axis=-1)
    return RewardLaw(atoms, jnp.full_like(atoms, 0.5))


def from_hitting_time_pmf(pmf: Float[Array, "*prompts horizon"]) -> RewardLaw:
    """Law of (horizon - T + 1)_+ when P(T = t) = pmf[..., t - 1]; what is missing never hits.

    The support is 0..horizon.
    """
    horizon = pmf.shape[-1]
    never = jnp.clip(1.0 - jnp.sum(pmf, axis=-1, keepdims=True), 0.0, 1.0)
    probabilities = jnp.concatenate([never, jnp.flip(pmf, axis=-1)], axis=-1)
    return RewardLaw(jnp.arange(horizon + 1, dtype=probabilities.dtype), probabilities)


def geometric_hitting_time(success_rate: Float[Array, "*prompts"], horizon: int) -> RewardLaw:
    """Every token hits with the same probability in [0, 1]: P(T = t) = p (1 - p)^(t - 1)."""
    rate = jnp.asarray(success_rate)[..., None]
    waits = jnp.broadcast_to(jnp.arange(horizon, dtype=rate.dtype), (*rate.shape[:-1], horizon))
    return from_hitting_time_pmf(rate * jnp.exp(xlog1py(waits, -rate)))


def beta_geometric_hitting_time(
    alpha: Float[Array, "*prompts"], beta: Float[Array, "*prompts"], horizon: int
) -> RewardLaw:
    """Geometric hitting time whose rate is Beta(alpha, beta): heavy-tailed, heterogeneous traces.

    P(T = t) = B(alpha + 1, beta + t - 1) / B(alpha, beta), alpha, beta > 0.
    """
    first, second = (jnp.asarray(parameter)[..., None] for parameter in (alpha, beta))
    shape = (*first.shape[:-1], horizon - 1)
    waits = jnp.broadcast_to(jnp.arange(1, horizon, dtype=first.dtype), shape)
    # P(T = t + 1) / P(T = t) = (beta + t - 1) / (alpha + beta + t); logarithms of beta functions
    # would cancel, and jax's lose half of the digits from an argument of 8 on.
    log_steps = jnp.log1p(-(first + 1.0) / (first + second + waits))
    log_start = jnp.log(first / (first + second))
    log_pmf = jnp.cumsum(jnp.concatenate([log_start, log_steps], axis=-1), axis=-1)
    return from_hitting_time_pmf(jnp.exp(log_pmf))


def negative_binomial_hitting_time(
    steps_needed: Float[Array, "*prompts"], success_rate: Float[Array, "*prompts"], horizon: int
) -> RewardLaw:
    """Correct once `steps_needed` > 0 token successes of rate in (0, 1) have come.

    P(T = t) = C(t - 1, k - 1) p^k (1 - p)^(t - k) for t >= k; for a real k the gamma-function
    form is used with t - k read as the number of failures, so T starts at ceil(k).
    """
    needed, rate = (jnp.asarray(parameter)[..., None] for parameter in (steps_needed, success_rate))
    start = jnp.ceil(needed)
    token = jnp.broadcast_to(
        jnp.arange(1, horizon + 1, dtype=rate.dtype), (*rate.shape[:-1], horizon)
    )
    failures = token - start
    possible = failures >= 0
    count = jnp.where(possible, failures, 0.0)
    log_pmf = (
        gammaln(count + needed)
        - gammaln(needed)
        - gammaln(count + 1.0)
        + needed * jnp.log(rate)
        + xlog1py(count, -rate)
    )
    return from_hitting_time_pmf(jnp.where(possible, jnp.exp(log_pmf), 0.0))


def mixture(laws: RewardLaw, weights: Float[Array, " components"]) -> RewardLaw:
    """Mixture over the leading axis of `laws`, which must share one support (K,)."""
    if laws.support.ndim != 1:
        raise ValueError("mixture: the components must share one support of shape (K,)")
    return RewardLaw(laws.support, jnp.tensordot(weights, laws.probabilities, axes=1))


def from_returns(returns: Int[Array, "*prompts samples"], horizon: int) -> RewardLaw:
    """Empirical law of observed returns in {0..horizon}, on the support 0..horizon."""
    support = jnp.arange(horizon + 1, dtype=returns.dtype)
    hits = returns[..., None] == jnp.broadcast_to(support, (*returns.shape, horizon + 1))
    probabilities = jnp.mean(hits.astype(jnp.result_type(float)), axis=-2)
    return RewardLaw(support.astype(probabilities.dtype), probabilities)


def from_first_correct(first_correct: Int[Array, "*prompts samples"], horizon: int) -> RewardLaw:
    """Empirical law of the return at a budget from first-correct indices (`NEVER` = none)."""
    return from_returns(return_at_budget(first_correct, horizon), horizon)
