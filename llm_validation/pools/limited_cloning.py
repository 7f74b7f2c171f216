"""Cloning with limited confidence on sample pools, along gradient descent.

The policies are the log-linear tilts of `pools.cloning`. The loss of a demonstration is that of the
answer it ends with: -ln(1 - (1 - p)^N) of its probability p, which is log-loss at N = 1. Source:
Chen et al., arXiv 2502.07154; see `verigap.theory.limited_confidence`. The learner sees which
traces were demonstrated and which answers are equal, and no reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from verigap.llm_validation.pools.cloning import Demonstrations
from verigap.llm_validation.pools.features import Features, features, hashed_words
from verigap.llm_validation.pools.policy_values import halves
from verigap.llm_validation.pools.pools import SamplePools
from verigap.theory.limited_confidence import limited_loss

SPLITS = 8
_STREAM = 41
_LEAST = 1e-12


def same_answer(
    answer: Int[np.ndarray, "P K"], mask: Bool[np.ndarray, "P K"], seen: Demonstrations
) -> Bool[np.ndarray, "seeds n K"]:
    """Which samples of a demonstration's prompt end with its answer.

    Only itself where it has none; none where nothing was demonstrated.

    Args:
      answer: a number for each answer, -1 for none.
      mask: whether there is a sample.
      seen: the demonstrations.
    """
    own = answer[seen.prompt, seen.sample][..., None]
    itself = np.arange(answer.shape[1]) == seen.sample[..., None]
    equal = np.where(own >= 0, answer[seen.prompt] == own, itself)
    return equal & mask[seen.prompt] & (seen.prompt >= 0)[..., None]


def cloning_path(
    phi: Features,
    seen: Demonstrations,
    same: Bool[np.ndarray, "seeds n K"],
    trained_for: float,
    steps: Sequence[int],
    rate: float = 1.0,
) -> Float[np.ndarray, "seeds steps P K"]:
    """Policies after some steps of gradient descent from the base.

    Args:
      phi: features of every sample.
      seen: the demonstrations of each seed; -1 for a demonstration that is missing.
      same: of `same_answer`.
      trained_for: N of the loss; 1 is log-loss cloning.
      steps: numbers of steps, ascending from 0.
      rate: of the steps, on the mean loss over demonstrations.
    """
    values, mask = jnp.asarray(phi.values), jnp.asarray(phi.mask)

    def policy(theta: Float[Array, " D"], rows: Int[Array, " n"] | slice) -> Float[Array, "n K"]:
        scores = jnp.where(mask[rows], values[rows] @ theta, -jnp.inf)
        return jax.nn.softmax(scores, axis=-1)

    def of_seed(prompt: Int[Array, " n"], equal: Bool[Array, "n K"]) -> Float[Array, "steps P K"]:
        known = prompt >= 0
        rows = jnp.maximum(prompt, 0)

        def loss(theta: Float[Array, " D"]) -> Float[Array, ""]:
            shown = jnp.sum(jnp.where(equal, policy(theta, rows), 0.0), axis=-1)
            shown = jnp.clip(shown, _LEAST, 1.0 - _LEAST)
            each = jnp.where(known, limited_loss(shown, trained_for), 0.0)
            return jnp.sum(each) / jnp.maximum(jnp.sum(known.astype(each.dtype)), 1.0)

        slope, theta, kept, done = jax.grad(loss), jnp.zeros(values.shape[2]), [], 0
        for step in steps:
            theta = jax.lax.fori_loop(0, step - done, lambda _, at: at - rate * slope(at), theta)
            done = step
            kept.append(policy(theta, slice(None)))
        return jnp.stack(kept)

    run = jax.jit(lambda prompts, equals: jax.lax.map(lambda one: of_seed(*one), (prompts, equals)))
    return np.asarray(run(jnp.asarray(seen.prompt), jnp.asarray(same)))


class HeldOutPath(NamedTuple):
    """What cloning earns on held-out prompts along training.

    Attributes:
      steps: numbers of steps.
      pass_at_1, pass_at_n: mean over the splits that hold a prompt out.
      demonstrations: mean number a split learns from.
    """

    steps: tuple[int, ...]
    pass_at_1: Float[np.ndarray, "steps P"]
    pass_at_n: Float[np.ndarray, "steps P"]
    demonstrations: float


def held_out_path(
    pools: SamplePools,
    *,
    trained_for: float,
    num_candidates: int,
    steps: Sequence[int],
    seed: int,
) -> HeldOutPath:
    """Cloning one right trace of each solvable training prompt, valued on the other prompts.

    8 splits in pairs that swap their halves. pass@N is of N fresh draws of the policy.

    Args:
      pools: the samples.
      trained_for: N of the loss; 1 is log-loss cloning.
      num_candidates: N that is drawn and checked.
      steps: numbers of steps of gradient descent, ascending from 0.
      seed: seed of the splits and the demonstrations.
    """
    right = pools.ends_correct & pools.mask
    train = halves(pools.prompts, seeds=SPLITS, seed=seed)
    chosen = np.random.default_rng([seed, _STREAM]).random((SPLITS, *right.shape))
    sample = np.where(right, chosen, -1.0).argmax(axis=2)
    shown = train & right.any(axis=1)
    prompt = np.where(shown, np.arange(pools.prompts), -1)
    seen = Demonstrations(prompt, np.where(shown, sample, -1))
    # A policy draws one trace, and cannot compare it with others of its prompt.
    phi = features(pools, np.inf, hashed_words(pools), alone=True)
    same = same_answer(pools.answer, pools.mask, seen)
    policies = cloning_path(phi, seen, same, trained_for, steps)
    success = (policies * right).sum(axis=-1)
    share = (~train / (~train).sum(axis=0))[:, None, :]
    return HeldOutPath(
        tuple(steps),
        (success * share).sum(axis=0),
        ((1.0 - (1.0 - success) ** num_candidates) * share).sum(axis=0),
        float(shown.sum(axis=1).mean()),
    )
