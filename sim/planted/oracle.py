"""Exact values, heterogeneity and coverage of planted policies, and the expert of a chi2 ball."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.sim.planted.automata import (
    AutomatonPolicy,
    doob_transform,
    lookahead,
    return_law,
    state_occupancy,
)
from verigap.theory import (
    Expert,
    anti_concentration,
    chi2_ball_expert,
    level_coverage,
    top_share_coverage,
)
from verigap.theory.experts import safe_sqrt
from verigap.theory.heterogeneity import heterogeneity, median_heterogeneity


class OracleTable(NamedTuple):
    """Exact facts about a base policy and the best policy of a chi2 ball, one row a prompt.

    Attributes:
      mean: mu_x, mean return of the base (tokens).
      sd: sigma_x, its standard deviation (tokens); by Lemma 1 the base's heterogeneity.
      expert_value: J*_x(kappa), tokens.
      expert_sd: standard deviation of the return under the expert (tokens).
      cross_heterogeneity: sigma_x of the base with the expert's Q (tokens), the definition of
        arXiv 2502.12118 as digested.
      anti_concentration: c_x(kappa) = P(R >= mu_x + sigma_x sqrt(kappa)).
      level_coverage: c*_x(kappa) = P(R >= J*_x).
      top_share: alpha_x(kappa), the largest share of the base whose best traces average J*_x.
    """

    mean: Float[Array, " prompts"]
    sd: Float[Array, " prompts"]
    expert_value: Float[Array, " prompts"]
    expert_sd: Float[Array, " prompts"]
    cross_heterogeneity: Float[Array, " prompts"]
    anti_concentration: Float[Array, " prompts"]
    level_coverage: Float[Array, " prompts"]
    top_share: Float[Array, " prompts"]


class OracleSummary(NamedTuple):
    """An `OracleTable` in one line; returns as shares of the horizon.

    Attributes:
      mean: average of mu_x / H.
      median_sd: median of sigma_x / H.
      median_cross_heterogeneity: likewise with the expert's Q.
      expert_value: average of J*_x / H.
      median_anti_concentration: median of c_x(kappa).
      least_level_coverage: least c*_x(kappa).
      least_top_share: least alpha_x(kappa), the c0 that verifier-based learners are told.
    """

    mean: float
    median_sd: float
    median_cross_heterogeneity: float
    expert_value: float
    median_anti_concentration: float
    least_level_coverage: float
    least_top_share: float


@jax.jit
def planted_expert(
    policy: AutomatonPolicy, chi2_radius: float | Float[Array, "*#prompts"]
) -> tuple[AutomatonPolicy, Expert]:
    """The best policy with chi^2(policy || base) <= chi2_radius on every prompt (Lemma 3).

    Args:
      policy: the base.
      chi2_radius: kappa >= 0, a number or one per prompt.

    Returns:
      The expert as a policy, whose traces are base traces reweighted exactly, and its constants.

    Example:
      >>> import jax
      >>> from verigap.sim.planted import draw_task, planted_base, planted_expert
      >>> from verigap.sim.planted.task import all_prompts
      >>> task = draw_task(jax.random.key(0), symbols=2, vocabulary=4)
      >>> base = planted_base(task, all_prompts(task), "low", horizon=8)
      >>> policy, expert = planted_expert(base, 0.25)
      >>> expert.value.shape, bool((expert.gain > 0).all())
      ((16,), True)
    """
    expert = chi2_ball_expert(return_law(policy), chi2_radius)
    return doob_transform(policy, expert.density_ratio), expert


@jax.jit
def reference_heterogeneity(
    policy: AutomatonPolicy, reference: AutomatonPolicy
) -> Float[Array, " prompts"]:
    """sigma_{pi,nu}: sd of Q^nu(s, a) over the tokens of pi, summed in squares over steps (tokens).

    With the policy as its own reference, the standard deviation of its return (Lemma 1).

    Args:
      policy: pi, whose traces are followed.
      reference: nu, whose continuation values a token; on the same prompts.
    """
    prompts, horizon, states, vocabulary = policy.token_probabilities.shape
    support = jnp.arange(horizon + 1, dtype=policy.token_probabilities.dtype)
    q_values = lookahead(reference, jnp.broadcast_to(support, (prompts, horizon + 1)))
    by_state = (prompts, horizon * states, vocabulary)
    squared = heterogeneity(
        jnp.moveaxis(q_values, 0, 1).reshape(by_state),
        policy.token_probabilities.reshape(by_state),
        jnp.moveaxis(state_occupancy(policy)[:-1], 0, 1).reshape(by_state[:-1]),
    )
    return safe_sqrt(squared)


@jax.jit
def oracle_table(
    policy: AutomatonPolicy, chi2_radius: float | Float[Array, "*#prompts"]
) -> OracleTable:
    """Everything exact about a base policy; arguments as in `planted_expert`.

    Example:
      >>> import jax
      >>> from verigap.sim.planted import draw_task, oracle_table, planted_base
      >>> from verigap.sim.planted.task import all_prompts
      >>> task = draw_task(jax.random.key(0), symbols=2, vocabulary=4)
      >>> base = planted_base(task, all_prompts(task), "low", horizon=8)
      >>> table = oracle_table(base, 0.25)
      >>> bool((table.expert_value >= table.mean).all())
      True
    """
    law = return_law(policy)
    expert_policy, expert = planted_expert(policy, chi2_radius)
    return OracleTable(
        mean=law.mean,
        sd=law.sd,
        expert_value=expert.value,
        expert_sd=expert.sd,
        cross_heterogeneity=reference_heterogeneity(policy, expert_policy),
        anti_concentration=anti_concentration(law, chi2_radius),
        level_coverage=level_coverage(law, expert.value),
        top_share=top_share_coverage(law, expert.value),
    )


def summarise(table: OracleTable, horizon: int) -> OracleSummary:
    """Averages, medians and minima over prompts (not for use under jit)."""
    return OracleSummary(
        mean=float(jnp.mean(table.mean)) / horizon,
        median_sd=float(median_heterogeneity(table.sd)) / horizon,
        median_cross_heterogeneity=float(median_heterogeneity(table.cross_heterogeneity)) / horizon,
        expert_value=float(jnp.mean(table.expert_value)) / horizon,
        median_anti_concentration=float(jnp.median(table.anti_concentration)),
        least_level_coverage=float(jnp.min(table.level_coverage)),
        least_top_share=float(jnp.min(table.top_share)),
    )
