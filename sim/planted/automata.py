"""Policies that look at the trace through the matched-prefix automaton of the rewarded block.

All of their laws are exact, by dynamic programming over (position, automaton state).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.planted.task import PlantedTask, blocks
from verigap.theory import RewardLaw


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AutomatonPolicy:
    """Next-token probabilities by prompt, position and automaton state; a pytree.

    State s < k: the longest suffix of the trace that begins the block has s tokens. State k: the
    block has appeared.

    Attributes:
      next_state: state after each token, shape (prompts, k + 1, V); state k leads to itself.
      token_probabilities: shape (prompts, horizon, k + 1, V), each row summing to one.
    """

    next_state: Int[Array, "prompts states vocabulary"]
    token_probabilities: Float[Array, "prompts horizon states vocabulary"]

    @property
    def horizon(self) -> int:
        """H, tokens in a trace."""
        return self.token_probabilities.shape[1]

    @property
    def by_position(self) -> Float[Array, "horizon prompts states vocabulary"]:
        """The token probabilities with positions leading, as scans take them."""
        return jnp.moveaxis(self.token_probabilities, 1, 0)


@partial(jax.jit, static_argnames="vocabulary")
def block_automaton(
    block: Int[Array, "prompts k"], vocabulary: int
) -> Int[Array, "prompts states vocabulary"]:
    """Next state by state and token (Knuth, Morris, Pratt), k + 1 states a block, k absorbing."""
    width = block.shape[-1]
    tokens = jnp.arange(vocabulary, dtype=block.dtype)

    def one(block: Int[Array, " k"]) -> Int[Array, "states vocabulary"]:
        zero = jnp.zeros(vocabulary, jnp.int32)
        rows = [jnp.where(tokens == block[0], 1, zero)]
        # The state that the trace without its first token would be in: where a mismatch falls to.
        fallback = jnp.zeros((), jnp.int32)
        for state in range(1, width):
            fallen = jnp.stack(rows)[fallback]
            rows.append(jnp.where(tokens == block[state], state + 1, fallen))
            fallback = fallen[block[state]]
        return jnp.stack([*rows, jnp.full_like(zero, width)])

    return jax.vmap(one)(block)


@jax.jit
def procedural_policy(
    task: PlantedTask, prompts: Int[Array, "prompts k"], competence: Float[Array, "prompts horizon"]
) -> AutomatonPolicy:
    """The policy that continues the right block with the given competence.

    Before the block is complete, the next right token has probability gamma + (1 - gamma)/V and
    every other one (1 - gamma)/V; afterwards all tokens are equally likely.

    Args:
      task: the task.
      prompts: one prompt a row.
      competence: gamma in [0, 1] by prompt and position.
    """
    block = blocks(task, prompts)
    vocabulary = task.vocabulary
    right = jax.nn.one_hot(block, vocabulary, dtype=competence.dtype)
    gamma = competence[:, :, None, None]
    searching = gamma * right[:, None] + (1.0 - gamma) / vocabulary
    done = jnp.full_like(searching[:, :, :1], 1.0 / vocabulary)
    probabilities = jnp.concatenate([searching, done], axis=2)
    return AutomatonPolicy(block_automaton(block, vocabulary), probabilities)


def select(policy: AutomatonPolicy, rows: Int[Array, " n"]) -> AutomatonPolicy:
    """The policy on some of its prompts, by index."""
    return AutomatonPolicy(policy.next_state[rows], policy.token_probabilities[rows])


def truncate(policy: AutomatonPolicy, horizon: int) -> AutomatonPolicy:
    """The policy cut off after `horizon` tokens; of an expert, no longer the expert there.

    Raises:
      ValueError: a horizon outside 1..policy.horizon.
    """
    if not 1 <= horizon <= policy.horizon:
        raise ValueError(f"truncate: horizon {horizon} is outside 1..{policy.horizon}")
    return AutomatonPolicy(policy.next_state, policy.token_probabilities[:, :horizon])


@jax.jit
def state_occupancy(policy: AutomatonPolicy) -> Float[Array, "positions prompts states"]:
    """Probability of each state after 0, 1, ..., H tokens; positions leading."""
    states = policy.next_state.shape[1]
    dtype = policy.token_probabilities.dtype
    leads_to = jax.nn.one_hot(policy.next_state, states, dtype=dtype)
    start = jnp.zeros(policy.next_state.shape[:2], dtype).at[:, 0].set(1.0)

    def step(
        occupancy: Float[Array, "prompts states"],
        probabilities: Float[Array, "prompts states vocabulary"],
    ) -> tuple[Float[Array, "prompts states"], Float[Array, "prompts states"]]:
        moved = jnp.einsum("ps,psv,psvt->pt", occupancy, probabilities, leads_to)
        return moved, moved

    _, after = lax.scan(step, start, policy.by_position)
    return jnp.concatenate([start[None], after])


@jax.jit
def hitting_time_pmf(policy: AutomatonPolicy) -> Float[Array, "prompts times"]:
    """P(T = 1), ..., P(T = H), and last P(never): the law of the first correct index.

    Sums of positive terms only: no entry is a difference of cumulative probabilities.
    """
    occupancy = state_occupancy(policy)[:, :, :-1]
    hits = policy.next_state[:, :-1] == policy.next_state.shape[1] - 1
    hit_probability = jnp.sum(jnp.where(hits, policy.by_position[:, :, :-1], 0.0), axis=-1)
    first = jnp.sum(occupancy[:-1] * hit_probability, axis=-1)
    never = jnp.sum(occupancy[-1], axis=-1)
    return jnp.concatenate([first, never[None]]).T


@jax.jit
def return_law(policy: AutomatonPolicy) -> RewardLaw:
    """The exact law of the return of each prompt, support 0..H, probabilities (prompts, H + 1)."""
    support = jnp.arange(policy.horizon + 1, dtype=policy.token_probabilities.dtype)
    return RewardLaw(support, jnp.flip(hitting_time_pmf(policy), axis=-1))


@jax.jit
def sample_traces(
    key: PRNGKeyArray, policy: AutomatonPolicy, rows: Int[Array, " n"]
) -> Int[Array, "n horizon"]:
    """One trace for each entry of `rows`, an index of a prompt; tokens of probability 0 never."""
    dtype = policy.token_probabilities.dtype
    uniforms = jax.random.uniform(key, (policy.horizon, *rows.shape), dtype)

    def step(
        state: Int[Array, " n"],
        slice_: tuple[Float[Array, "prompts states vocabulary"], Float[Array, " n"]],
    ) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
        probabilities, uniform = slice_
        row = probabilities[rows, state]
        # Inversion; rounding of the sums must not let an impossible token through.
        reached = jnp.where(row > 0, jnp.cumsum(row, axis=-1), -jnp.inf)
        level = uniform * jnp.max(reached, axis=-1)
        token = jnp.argmax(reached > level[:, None], axis=-1).astype(jnp.int32)
        return policy.next_state[rows, state, token], token

    _, tokens = lax.scan(step, jnp.zeros(rows.shape, jnp.int32), (policy.by_position, uniforms))
    return tokens.T


@jax.jit
def log_probabilities(
    policy: AutomatonPolicy, rows: Int[Array, " n"], traces: Int[Array, "n horizon"]
) -> Float[Array, "n horizon"]:
    """Log-probability of each token given the ones before it (nats); -inf if impossible."""

    def step(
        state: Int[Array, " n"],
        slice_: tuple[Float[Array, "prompts states vocabulary"], Int[Array, " n"]],
    ) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
        probabilities, token = slice_
        chosen = jnp.log(probabilities[rows, state, token])
        return policy.next_state[rows, state, token], chosen

    start = jnp.zeros(rows.shape, jnp.int32)
    _, chosen = lax.scan(step, start, (policy.by_position, traces.T))
    return chosen.T


@jax.jit
def lookahead(
    policy: AutomatonPolicy, payoff: Float[Array, "prompts returns"]
) -> Float[Array, "positions prompts states vocabulary"]:
    """E[payoff(R) | state, then token] before each token, under the policy; positions leading.

    Args:
      policy: the policy that continues.
      payoff: any function of the return, at 0, 1, ..., H, a row for each prompt. In state k, where
        the return is already decided, the result is 0.
    """
    states = policy.next_state.shape[1]
    prompt = jnp.arange(policy.next_state.shape[0])[:, None, None]

    def step(
        later: Float[Array, "prompts states"],
        slice_: tuple[Float[Array, "prompts states vocabulary"], Float[Array, " prompts"]],
    ) -> tuple[Float[Array, "prompts states"], Float[Array, "prompts states vocabulary"]]:
        probabilities, paid = slice_
        # The hit is paid once, on entering state k, as the return depends on its position alone.
        entered = later.at[:, -1].set(paid)[prompt, policy.next_state]
        by_token = entered.at[:, -1].set(0.0)
        return jnp.sum(probabilities * by_token, axis=-1), by_token

    never = jnp.broadcast_to(payoff[:, :1], (payoff.shape[0], states))
    # A hit at the last token returns 1, at the first H.
    paid = jnp.flip(payoff[:, 1:], axis=-1).T
    _, by_token = lax.scan(step, never, (policy.by_position, paid), reverse=True)
    return by_token


@jax.jit
def doob_transform(
    policy: AutomatonPolicy, weights: Float[Array, "prompts returns"]
) -> AutomatonPolicy:
    """The policy under which every trace has its old probability times weights[R].

    Each token's probability is multiplied by E[weight | after it] / E[weight | before it]. Once the
    block is complete the weight is settled, and the old policy goes on; so does it in states that
    the new policy never visits.

    Args:
      policy: the base policy.
      weights: density ratio at the returns 0, 1, ..., H, non-negative and of mean 1 under the base
        (any other mean is divided out), a row for each prompt.
    """
    after = jnp.moveaxis(lookahead(policy, weights), 0, 1)
    joint = policy.token_probabilities * after
    before = jnp.sum(joint, axis=-1, keepdims=True)
    visited = before > 0
    tilted = joint / jnp.where(visited, before, 1.0)
    return AutomatonPolicy(
        policy.next_state, jnp.where(visited, tilted, policy.token_probabilities)
    )
