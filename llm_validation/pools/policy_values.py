"""Every policy on every held-out prompt of one group at one token budget."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from verigap.llm_validation.pools.cloning import clone, show
from verigap.llm_validation.pools.features import Features, visible_answers
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.llm_validation.pools.selectors import best_of_pool, vote, win_table
from verigap.theory import RewardLaw, chi2_ball_expert, project_onto_chi2_ball


class Settings(NamedTuple):
    """What all budgets of a group share.

    Attributes:
      data: n, ascending.
      candidates: N.
      radius: chi-square leash kappa.
      seeds: repetitions.
      seed: of all randomness.
    """

    data: tuple[int, ...]
    candidates: int
    radius: float
    seeds: int
    seed: int


def values_at(
    pools: SamplePools,
    horizon: int,
    settings: Settings,
    phi: Features,
    train: Bool[np.ndarray, "seeds P"],
) -> dict[str, Float[np.ndarray, "data seeds P"]]:
    """Value of every policy (tokens); NaN where the prompt trained the learners of that seed.

    Args:
      pools: samples of at least one prompt.
      horizon: H, tokens.
      settings: what all budgets share.
      phi: what learners may know of the samples at that budget.
      train: which prompts train each seed; without any, nothing is learned and learners are NaN.
    """
    returns, mask = pools.returns(horizon), pools.mask
    wins = win_table(pools.sizes, settings.candidates)
    best = expert_policies(returns, mask, settings.radius)
    shape = (len(settings.data), settings.seeds, pools.prompts)
    if train.any():
        learned = _learned(pools, horizon, settings, phi, train, best, wins)
    else:
        learned = (np.full(shape, np.nan),) * 4
    names = ("clone", "clone_leashed", "verify", "verify_leashed")
    values = dict(zip(names, learned, strict=True))

    def by_score(scores: Float[np.ndarray, "P K"]) -> Float[np.ndarray, " P"]:
        return (np.asarray(best_of_pool(scores, mask, wins)) * returns).sum(axis=1)

    answers = visible_answers(pools, horizon)
    each = {
        "base": returns.sum(axis=1) / pools.sizes,
        "expert": (best * returns).sum(axis=1),
        "vote": vote(answers, returns, mask, settings.candidates, settings.seed),
        "exact": by_score(returns),
    }
    if np.isfinite(pools.verifier_score).any():
        known = pools.finished(horizon) & np.isfinite(pools.verifier_score)
        each["score"] = by_score(np.where(known, pools.verifier_score, -np.inf))
    values |= {name: np.broadcast_to(value, shape) for name, value in each.items()}
    return {name: np.where(train, np.nan, value) for name, value in values.items()}


def _learned(
    pools: SamplePools,
    horizon: int,
    settings: Settings,
    phi: Features,
    train: Bool[np.ndarray, "seeds P"],
    expert: Float[np.ndarray, "P K"],
    wins: Float[np.ndarray, "P K+1"],
) -> tuple[Float[np.ndarray, "data seeds P"], ...]:
    """Train the learners of every seed and n, and score them on all prompts."""
    returns, mask = pools.returns(horizon), pools.mask
    uniforms = np.stack(
        [
            np.random.default_rng([settings.seed, 1, index]).random((settings.data[-1], 4))
            for index in range(settings.seeds)
        ]
    )
    solved = train & (returns > 0).any(axis=1)
    cloned = clone(phi, show(expert, solved, uniforms[..., :2]), settings.data)
    drawn = show(mask / pools.sizes[:, None], train, uniforms[..., 2:])
    labels = returns[drawn.prompt, drawn.sample] / horizon
    labelled = LabelledTraces(drawn.prompt, drawn.sample, labels)
    predicted = predicted_returns(phi, labelled, settings.data)
    values = learner_values(cloned, predicted, returns, mask, wins, settings.radius)
    return tuple(map(np.asarray, values))


def expert_policies(
    returns: Float[np.ndarray, "P K"], mask: Bool[np.ndarray, "P K"], radius: float
) -> Float[np.ndarray, "P K"]:
    """Probabilities of the best policy of the chi-square ball around each pool (Lemma 3)."""
    return np.asarray(jax.jit(_tilted)(returns, mask, radius))


def halves(prompts: int, settings: Settings) -> Bool[np.ndarray, "seeds P"]:
    """A random half of the prompts to train each seed, pairs of seeds swapping the halves.

    One prompt trains nothing.
    """
    train = np.zeros((settings.seeds, prompts), bool)
    half = prompts // 2
    for index in range(settings.seeds):
        order = np.random.default_rng([settings.seed, 0, index // 2]).permutation(prompts)
        train[index, order[half:] if index % 2 else order[:half]] = prompts > 1
    return train


def _base(mask: Bool[Array, "P K"]) -> Float[Array, "P K"]:
    """The law that draws every sample of a pool equally often."""
    present = mask.astype(jnp.result_type(float))
    return present / jnp.sum(present, axis=1, keepdims=True)


def _tilted(
    rewards: Float[Array, "P K"], mask: Bool[Array, "P K"], radius: float | Array
) -> Float[Array, "P K"]:
    """Probabilities of the chi-square ball's best policy for non-negative rewards."""
    # The padding comes first, without mass.
    ordered = jnp.where(mask, rewards, -1.0)
    order = jnp.argsort(ordered, axis=1)
    mass = _base(mask)
    sorted_mass = jnp.take_along_axis(mass, order, axis=1)
    law = RewardLaw(jnp.take_along_axis(ordered, order, axis=1), sorted_mass)
    policy = chi2_ball_expert(law, radius).density_ratio * sorted_mass
    return jnp.take_along_axis(policy, jnp.argsort(order, axis=1), axis=1)


@jax.jit
def learner_values(
    cloned: Float[Array, "data seeds P K"],
    predicted: Float[Array, "data seeds P K"],
    returns: Float[Array, "P K"],
    mask: Bool[Array, "P K"],
    wins: Float[Array, "P K+1"],
    radius: Float[Array, ""],
) -> tuple[Float[Array, "data seeds P"], ...]:
    """Values of the clone and of the verifier's choice, each unleashed and leashed."""
    mass = _base(mask)
    law = RewardLaw(returns, mass)

    def one(both: tuple[Array, Array]) -> tuple[Array, ...]:
        policy, rewards = both
        ratio = jnp.where(mask, policy / jnp.where(mask, mass, 1.0), 1.0)
        leashed = mass * project_onto_chi2_ball(law, ratio, radius)
        best = best_of_pool(rewards, mask, wins)
        policies = (policy, leashed, best, _tilted(rewards, mask, radius))
        return tuple(jnp.sum(each * returns, axis=1) for each in policies)

    flat = tuple(array.reshape(-1, *mask.shape) for array in (cloned, predicted))
    shape = (*cloned.shape[:2], mask.shape[0])
    return tuple(value.reshape(shape) for value in jax.lax.map(one, flat))
