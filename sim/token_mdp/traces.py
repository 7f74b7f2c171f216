"""Traces of the token MDP: how likely a policy makes them, drawing them, and the way back.

A law over traces and an autoregressive policy say the same thing: the next token's probability is
the law's conditional given the prefix.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from verigap.sim.token_mdp.mdp import TokenPolicy, trace_law
from verigap.sim.token_mdp.tree import walk_up


@jax.jit
def policy_of_traces(law: Float[Array, "prompts traces"], fallback: TokenPolicy) -> TokenPolicy:
    """The autoregressive policy that draws traces from a law.

    Args:
      law: probabilities of all traces, or anything proportional to them on each prompt.
      fallback: what to do after a prefix that the law never reaches.
    """
    tree = fallback.tree
    mass = walk_up(tree, law, lambda children: jnp.sum(children, axis=-1))
    below = jnp.concatenate(mass[1:], axis=-1).reshape(fallback.probabilities.shape)
    here = jnp.concatenate(mass[:-1], axis=-1)[..., None]
    reached = here > 0
    rows = jnp.where(reached, below / jnp.where(reached, here, 1.0), fallback.probabilities)
    return TokenPolicy(rows)


@jax.jit
def reweighted(base: TokenPolicy, density_ratio: Float[Array, "prompts traces"]) -> TokenPolicy:
    """The policy of this density ratio to the base (its Doob transform), prefix by prefix."""
    return policy_of_traces(trace_law(base) * density_ratio, base)


@jax.jit
def log_trace_law(policy: TokenPolicy) -> Float[Array, "prompts traces"]:
    """ln of the probability of every trace (nats); -inf where it is 0."""
    law = trace_law(policy)
    return jnp.where(law > 0, jnp.log(jnp.where(law > 0, law, 1.0)), -jnp.inf)


def draw_traces(
    generator: np.random.Generator,
    prompt_law: Float[Array, " prompts"],
    law: Float[Array, "prompts traces"],
    shape: tuple[int, ...],
) -> tuple[Int[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
    """Independent prompts and a trace for each, as indices, on the host.

    Args:
      generator: source of randomness.
      prompt_law: rho.
      law: probabilities of the traces of every prompt.
      shape: of the two index arrays, for instance (data sets, n).
    """
    joint = np.asarray(prompt_law)[:, None] * np.asarray(law)
    upto = np.cumsum(joint)
    # A uniform below the total never lands on a pair of probability 0, nor past the last one.
    drawn = np.searchsorted(upto, generator.random(shape) * upto[-1], side="right")
    prompts, traces = np.divmod(drawn, joint.shape[1])
    return prompts, traces
