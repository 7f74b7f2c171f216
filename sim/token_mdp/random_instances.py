"""Random instances of the token MDP, drawn with NumPy on the host."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from verigap.sim.token_mdp.classes import member_reward
from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward
from verigap.sim.token_mdp.tree import TokenTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenInstance:
    """Several prompts, a base policy, and rewards of which the first is true.

    Attributes:
      prompt_law: rho.
      base: pi_b.
      rewards: the class; member 0 pays.
    """

    prompt_law: Float[Array, " prompts"]
    base: TokenPolicy
    rewards: TokenReward

    @property
    def truth(self) -> TokenReward:
        """The reward that pays."""
        return member_reward(self.rewards, 0)


def random_policy(generator: np.random.Generator, prompts: int, tree: TokenTree) -> TokenPolicy:
    """A policy whose rows are spread or peaked; some tokens are impossible, some certain."""
    shape = (prompts, tree.states, tree.vocabulary)
    peakedness = generator.choice([0.3, 1.0, 5.0], size=(prompts, 1, 1))
    weights = generator.gamma(np.broadcast_to(peakedness, shape)) + 1e-3
    forbidden = generator.random(shape) < 0.15
    weights = np.where(forbidden & ~forbidden.all(axis=-1, keepdims=True), 0.0, weights)
    return TokenPolicy.checked(weights / weights.sum(axis=-1, keepdims=True))


def dyadic_policy(
    generator: np.random.Generator, prompts: int, tree: TokenTree, parts: int = 8
) -> TokenPolicy:
    """A policy of probabilities k / parts; `parts` a power of two.

    On short horizons all that dynamic programming computes from it is a dyadic rational of few
    bits, which float64 holds without rounding.
    """
    even = np.full(tree.vocabulary, 1.0 / tree.vocabulary)
    counts = generator.multinomial(parts, even, size=(prompts, tree.states))
    return TokenPolicy.checked(counts / parts)


def random_reward(generator: np.random.Generator, prompts: int, tree: TokenTree) -> TokenReward:
    """A reward whose prefixes become correct at random; rare on some prompts, common on others."""
    return TokenReward(jnp.asarray(_closed_under_continuation(_marks(generator, prompts, tree))))


def random_instance(
    generator: np.random.Generator, prompts: int, tree: TokenTree, rewards: int
) -> TokenInstance:
    """An instance whose wrong rewards are unrelated to the true one, or differ in few places.

    Args:
      generator: source of randomness.
      prompts: number of prompts; their law is random too.
      tree: the prefixes.
      rewards: size of the reward class, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance
      >>> instance = random_instance(np.random.default_rng(0), 2, TokenTree(2, 3), rewards=4)
      >>> instance.prompt_law.shape, instance.rewards.correct.shape
      ((2,), (4, 2, 7, 2))
    """
    true = _marks(generator, prompts, tree)
    marks = [true]
    for _ in range(rewards - 1):
        if generator.random() < 0.3:
            marks.append(_marks(generator, prompts, tree))
        else:
            rate = generator.choice([0.02, 0.1, 0.3])
            marks.append(true ^ (generator.random(true.shape) < rate))
    correct = _closed_under_continuation(np.stack(marks))
    law = generator.dirichlet(np.full(prompts, 2.0))
    base = random_policy(generator, prompts, tree)
    return TokenInstance(jnp.asarray(law), base, TokenReward(jnp.asarray(correct)))


def _marks(
    generator: np.random.Generator, prompts: int, tree: TokenTree
) -> Bool[np.ndarray, "prompts states tokens"]:
    """Prefixes that make a trace correct from there on."""
    rate = generator.choice([0.0, 0.1, 0.25, 0.5], p=[0.1, 0.3, 0.4, 0.2], size=(prompts, 1, 1))
    return generator.random((prompts, tree.states, tree.vocabulary)) < rate


def _closed_under_continuation(
    marks: Bool[np.ndarray, "*members prompts states tokens"],
) -> Bool[np.ndarray, "*members prompts states tokens"]:
    """Correct wherever a prefix of the prefix is marked."""
    correct = marks.copy()
    vocabulary = marks.shape[-1]
    for state in range(1, marks.shape[-2]):
        parent, token = divmod(state - 1, vocabulary)
        correct[..., state, :] |= correct[..., parent, token, None]
    return correct
