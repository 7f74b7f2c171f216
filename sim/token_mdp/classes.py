"""Finite classes of token policies and of bi-level rewards, members along the first axis."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from verigap.sim.token_mdp.experts import token_expert
from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward, trace_law, trace_returns, value
from verigap.sim.token_mdp.traces import log_trace_law, policy_of_traces


def policy_class(members: Sequence[TokenPolicy]) -> TokenPolicy:
    """A class of policies on the same prompts."""
    return TokenPolicy(jnp.stack([member.probabilities for member in members]))


def reward_class(members: Sequence[TokenReward]) -> TokenReward:
    """A class of rewards on the same prompts."""
    return TokenReward(jnp.stack([member.correct for member in members]))


def member_reward(rewards: TokenReward, index: int) -> TokenReward:
    """One reward of a class."""
    return TokenReward(rewards.correct[index])


def member_policy(policies: TokenPolicy, index: int) -> TokenPolicy:
    """One policy of a class."""
    return TokenPolicy(policies.probabilities[index])


@jax.jit
def expert_class(
    base: TokenPolicy, rewards: TokenReward, chi2_radius: Float[Array, ""] | float
) -> TokenPolicy:
    """The best policy of the chi-square ball for each reward of a class."""
    return jax.vmap(lambda reward: token_expert(base, reward, chi2_radius).policy)(rewards)


@jax.jit
def class_log_laws(policies: TokenPolicy) -> Float[Array, "members prompts traces"]:
    """ln of the probability that each member gives each trace (nats)."""
    return jax.vmap(log_trace_law)(policies)


@jax.jit
def class_returns(rewards: TokenReward) -> Int[Array, "members prompts traces"]:
    """Return of every trace under each member (tokens)."""
    return jax.vmap(trace_returns)(rewards)


@jax.jit
def class_values(policies: TokenPolicy, reward: TokenReward) -> Float[Array, "members prompts"]:
    """J_x of each policy of a class under one reward (tokens)."""
    return jax.vmap(lambda policy: value(policy, reward))(policies)


@jax.jit
def mixture(
    policies: TokenPolicy, weights: Float[Array, " members"], fallback: TokenPolicy
) -> TokenPolicy:
    """The policy that draws a member of a class, then a whole trace from it.

    Args:
      policies: the class.
      weights: probabilities of its members.
      fallback: what to do after a prefix that no weighted member reaches.
    """
    laws = jax.vmap(trace_law)(policies)
    return policy_of_traces(jnp.sum(weights[:, None, None] * laws, axis=0), fallback)
