"""The best member of a chi-square ball around a token policy, as a token policy again.

The best density ratio depends on a trace through its return only (Lemma 3), so it comes from the
return law; conditioning prefix by prefix turns it into next-token probabilities.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward, return_law, trace_returns
from verigap.sim.token_mdp.traces import reweighted
from verigap.theory import chi2_ball_expert, top_share_coverage


class TokenExpert(NamedTuple):
    """The best policy of the ball under one reward.

    Attributes:
      policy: its next-token probabilities; the base's where it never goes.
      density_ratio: d expert / d base of every trace.
      value: J*_x (tokens).
      variance: of its return (tokens squared).
    """

    policy: TokenPolicy
    density_ratio: Float[Array, "prompts traces"]
    value: Float[Array, " prompts"]
    variance: Float[Array, " prompts"]


def ratio_of_traces(
    by_return: Float[Array, "prompts returns"], reward: TokenReward
) -> Float[Array, "prompts traces"]:
    """A density ratio by return, on {0..H}, as one by trace."""
    return jnp.take_along_axis(by_return, trace_returns(reward), axis=-1)


@jax.jit
def token_expert(
    base: TokenPolicy, reward: TokenReward, chi2_radius: Float[Array, ""] | float
) -> TokenExpert:
    """Best policy with chi^2(policy || base) <= chi2_radius over traces, on every prompt.

    Args:
      base: the base policy.
      reward: the reward to be good at.
      chi2_radius: kappa >= 0.

    Source: docs/theory.md, Lemma 3 (beyond arXiv 2502.12118).

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance, token_expert
      >>> instance = random_instance(np.random.default_rng(0), 2, TokenTree(2, 3), rewards=1)
      >>> token_expert(instance.base, instance.truth, 0.25).value.shape
      (2,)
    """
    best = chi2_ball_expert(return_law(base, reward), chi2_radius)
    ratio = ratio_of_traces(best.density_ratio, reward)
    return TokenExpert(reweighted(base, ratio), ratio, best.value, best.sd**2)


@jax.jit
def expert_coverage(
    base: TokenPolicy, reward: TokenReward, chi2_radius: Float[Array, ""] | float
) -> Float[Array, " prompts"]:
    """alpha_x(kappa), the top-share coverage of the best expert of the ball (Lemma 4)."""
    law = return_law(base, reward)
    return top_share_coverage(law, chi2_ball_expert(law, chi2_radius).value)
