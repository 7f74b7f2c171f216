"""Heterogeneity: how much the value of a policy's traces varies along the way.

Definition of arXiv 2502.12118 as digested: sigma^2_{pi,nu}(x) = sum_h E_{s_h ~ pi}
Var_{a ~ pi(.|s_h)} Q^nu(s_h, a). With nu = pi it is the variance of the return (Lemma 1), so the
base policy's heterogeneity is `RewardLaw.sd` and needs no Q.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp


def heterogeneity(
    q_values: Float[Array, "*prompts states actions"],
    policy: Float[Array, "*prompts states actions"],
    occupancy: Float[Array, "*prompts states"],
) -> Float[Array, "*prompts"]:
    """Squared heterogeneity sigma^2_{pi,nu} of each prompt (tokens squared).

    Args:
      q_values: Q^nu(s, a), the expected return-to-go under the reference policy nu (tokens).
      policy: pi(a | s), each row a probability vector.
      occupancy: probability that pi visits state s. States are token prefixes, so each belongs to
        one step and the sum over states is the sum over steps.
    """
    mean = xp.sum(policy * q_values, axis=-1, keepdims=True)
    variance = xp.sum(policy * (q_values - mean) ** 2, axis=-1)
    return xp.sum(occupancy * variance, axis=-1)


def median_heterogeneity(sd: Float[Array, " prompts"]) -> Float[Array, ""]:
    """Median over prompts of the base policy's sd of return (tokens); at most twice the mean."""
    return xp.median(sd)
