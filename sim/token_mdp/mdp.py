"""The exact token MDP: policies, bi-level rewards, Q, V, return laws and heterogeneity.

Transitions append a token, so a state is a prefix and dynamic programming over the tree of
prefixes is exact (docs/games/token-mdp.md). Functions take one policy and one reward on several
prompts; `jax.vmap` maps them over a class.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from verigap.sim.token_mdp.tree import TokenTree, walk_down, walk_up
from verigap.theory import RewardLaw
from verigap.theory.heterogeneity import heterogeneity


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenPolicy:
    """An arbitrary autoregressive policy, or a class of them along leading axes.

    Attributes:
      probabilities: of every next token after every prefix, each row summing to one.
    """

    probabilities: Float[Array, "*members prompts states tokens"]

    @classmethod
    def checked(cls, probabilities: ArrayLike) -> TokenPolicy:
        """A policy from concrete numbers.

        Raises:
          ValueError: a shape that fits no tree, a probability that is negative or not finite, or a
            row that does not sum to one within 1e-6.
        """
        rows = np.asarray(probabilities, np.float64)
        if rows.ndim < 3:
            raise ValueError(f"token policy: shape {rows.shape} is not (prompts, states, tokens)")
        table = jnp.asarray(rows)
        _ = TokenTree.of(table)
        if not np.isfinite(rows).all() or (rows < 0).any():
            raise ValueError("token policy: a probability is negative or not a finite number")
        off = float(np.abs(rows.sum(axis=-1) - 1.0).max())
        if off > 1e-6:
            raise ValueError(f"token policy: a row's sum differs from 1 by {off:.3g}")
        return cls(table)

    @property
    def tree(self) -> TokenTree:
        """The prefixes it is defined on."""
        return TokenTree.of(self.probabilities)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenReward:
    """An arbitrary bi-level reward r_h in {0, 1}, or a class of them along leading axes.

    Attributes:
      correct: r_h at every non-empty prefix, indexed by (state, last token); once a prefix is
        correct, all its continuations are.
    """

    correct: Bool[Array, "*members prompts states tokens"]

    @classmethod
    def checked(cls, correct: ArrayLike) -> TokenReward:
        """A reward from concrete truth values.

        Raises:
          ValueError: a shape that fits no tree, or a continuation that falls back to 0.
        """
        values = np.asarray(correct, bool)
        if values.ndim < 3:
            raise ValueError(f"token reward: shape {values.shape} is not (prompts, states, tokens)")
        table = jnp.asarray(values)
        tree = TokenTree.of(table)
        # Prefix s, except the empty one, is entry s - 1 of the flattened (state, token) axes.
        prefixes = values.reshape(*values.shape[:-2], -1)[..., : tree.states - 1]
        falls = prefixes[..., None] & ~values[..., 1:, :]
        if falls.any():
            *_, prompt, state, token = (int(i) for i in np.argwhere(falls)[0])
            raise ValueError(
                f"token reward: prompt {prompt}, prefix {state + 1} is correct but not after token "
                f"{token}; not bi-level"
            )
        return cls(table)

    @property
    def tree(self) -> TokenTree:
        """The prefixes it is defined on."""
        return TokenTree.of(self.correct)


@jax.jit
def occupancy(policy: TokenPolicy) -> Float[Array, "prompts states"]:
    """Probability that the policy reaches each prefix that has a token to come."""
    return jnp.concatenate(_reach(policy)[:-1], axis=-1)


@jax.jit
def trace_law(policy: TokenPolicy) -> Float[Array, "prompts traces"]:
    """Probability of every trace."""
    return _reach(policy)[-1]


@jax.jit
def trace_returns(reward: TokenReward) -> Int[Array, "prompts traces"]:
    """Return R = sum_h r_h of every trace, in tokens."""
    counts = reward.correct.astype(jnp.int32)
    start = jnp.zeros((counts.shape[0], 1), jnp.int32)
    return walk_down(reward.tree, counts, start, jnp.add)[-1]


@jax.jit
def q_values(reference: TokenPolicy, reward: TokenReward) -> Float[Array, "prompts states tokens"]:
    """Q^reference(s, a): expected sum of the rewards from token a on (tokens)."""
    paid = reward.correct.astype(reference.probabilities.dtype)
    levels = _values(reference, reward)
    below = jnp.concatenate(levels[1:], axis=-1)
    return paid + below.reshape(paid.shape)


@jax.jit
def state_values(policy: TokenPolicy, reward: TokenReward) -> Float[Array, "prompts states"]:
    """V^policy(s): expected sum of the rewards still to come (tokens)."""
    return jnp.concatenate(_values(policy, reward)[:-1], axis=-1)


@jax.jit
def value(policy: TokenPolicy, reward: TokenReward) -> Float[Array, " prompts"]:
    """J_x(policy), the expected return on every prompt (tokens).

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance, value
      >>> instance = random_instance(np.random.default_rng(0), 2, TokenTree(2, 3), rewards=1)
      >>> value(instance.base, instance.truth).shape
      (2,)
    """
    return _values(policy, reward)[0][:, 0]


@jax.jit
def return_law(policy: TokenPolicy, reward: TokenReward) -> RewardLaw:
    """Law of the return on {0..H}, shape (prompts, H + 1).

    The return is H - h + 1 when the prefix of h tokens is the first correct one.

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance, return_law
      >>> instance = random_instance(np.random.default_rng(0), 2, TokenTree(2, 3), rewards=1)
      >>> return_law(instance.base, instance.truth).probabilities.shape
      (2, 4)
    """
    tree, reach = policy.tree, _reach(policy)
    wrong = jnp.zeros((reach[0].shape[0], 1), bool)
    correct = walk_down(tree, reward.correct, wrong, lambda _, edge: edge)
    first = []
    for depth in range(tree.horizon):
        known = jnp.repeat(correct[depth], tree.vocabulary, axis=-1)
        fresh = correct[depth + 1] & ~known
        first.append(jnp.sum(jnp.where(fresh, reach[depth + 1], 0.0), axis=-1))
    never = jnp.sum(jnp.where(correct[-1], 0.0, reach[-1]), axis=-1)
    law = jnp.stack([never, *first[::-1]], axis=-1)
    support = jnp.arange(tree.horizon + 1).astype(law.dtype)
    # Written out for every prompt, so that laws of a class can be stacked by vmap.
    return RewardLaw(jnp.broadcast_to(support, law.shape), law)


@jax.jit
def token_heterogeneity(
    policy: TokenPolicy, reference: TokenPolicy, reward: TokenReward
) -> Float[Array, " prompts"]:
    """sigma^2_{policy,reference}(x) = sum_h E Var_{a ~ policy} Q^reference (tokens squared).

    With the policy as its own reference it is the variance of the return (Lemma 1).

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance
      >>> from verigap.sim.token_mdp import return_law, token_heterogeneity
      >>> instance = random_instance(np.random.default_rng(0), 2, TokenTree(2, 3), rewards=1)
      >>> base, reward = instance.base, instance.truth
      >>> of_tokens = token_heterogeneity(base, base, reward)
      >>> np.allclose(of_tokens, return_law(base, reward).variance, atol=1e-5)
      True
    """
    q = q_values(reference, reward)
    return heterogeneity(q, policy.probabilities, occupancy(policy))


def _reach(policy: TokenPolicy) -> list[Array]:
    """Probability of every prefix, one array (prompts, V^h) a depth h."""
    rows = policy.probabilities
    return walk_down(policy.tree, rows, jnp.ones_like(rows[:, :1, 0]), jnp.multiply)


def _values(policy: TokenPolicy, reward: TokenReward) -> list[Array]:
    """V at every prefix, one array a depth; 0 at the traces, which have nothing to come."""
    rows, tree = policy.probabilities, policy.tree
    paid = reward.correct.astype(rows.dtype)
    over = jnp.zeros((rows.shape[0], tree.traces), rows.dtype)

    def back_up(children: Array, chance: Array, now: Array) -> Array:
        return jnp.sum(chance * (now + children), axis=-1)

    return walk_up(tree, over, back_up, rows, paid)
