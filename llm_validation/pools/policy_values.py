"""Every policy on every held-out prompt of one group at one token budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.pools.cloning import clone, draw_traces
from verigap.llm_validation.pools.features import Features, visible_answers
from verigap.llm_validation.pools.leashes import Leash, best_policy, within
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.llm_validation.pools.selectors import best_of_pool, vote, win_table

LEARNED = ("clone", "clone_leashed", "verify", "verify_leashed")
"""The policies that learn, in the order of `learner_values`."""

# Samples whose values are computed at once: what bounds the memory.
_AT_ONCE = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all budgets of a group share.

    Attributes:
      data_budgets: n, ascending.
      num_candidates: N of best-of-N and of the vote.
      leash: of the expert and of both leashed policies.
      seeds: number of repetitions.
      seed: seed of the splits, the training data and the votes.
    """

    data_budgets: tuple[int, ...]
    num_candidates: int
    leash: Leash
    seeds: int
    seed: int


class PolicyValues(NamedTuple):
    """Values of every policy on every prompt at one budget.

    Attributes:
      values: by policy, in the unit of the pools; NaN where the prompt trained the learners of that
        seed.
      unconverged: fits of the clone and of the reward model, by name, that did not converge.
      fits: fits of each.
    """

    values: dict[str, Float[np.ndarray, "data_budgets seeds P"]]
    unconverged: dict[str, int]
    fits: int


def values_at(
    pools: SamplePools,
    horizon: int,
    settings: Settings,
    phi: Features,
    train: Bool[np.ndarray, "seeds P"],
) -> PolicyValues:
    """Value of every policy at one budget, for every n, seed and prompt.

    Args:
      pools: samples of at least one prompt.
      horizon: H, in the unit of the pools.
      settings: what all budgets share.
      phi: what learners may know of the samples at that budget.
      train: which prompts train each seed; without any, nothing is learned and learners are NaN.
    """
    returns, mask = pools.returns(horizon), pools.mask
    wins = win_table(pools.sizes, settings.num_candidates)
    best = best_policy(returns, mask, settings.leash)
    shape = (len(settings.data_budgets), settings.seeds, pools.prompts)
    if train.any():
        learned = _learned(pools, horizon, settings, phi, train, best, wins)
    else:
        unknown = np.full(shape, np.nan)
        learned = PolicyValues(dict.fromkeys(LEARNED, unknown), {}, 0)
    each = {"expert": (best * returns).sum(axis=1)}
    each |= _untrained(pools, horizon, settings, wins)
    values = learned.values | {name: np.broadcast_to(value, shape) for name, value in each.items()}
    held_out = {name: np.where(train, np.nan, value) for name, value in values.items()}
    return learned._replace(values=held_out)


def _untrained(
    pools: SamplePools, horizon: int, settings: Settings, wins: Float[np.ndarray, "P K+1"]
) -> dict[str, Float[np.ndarray, " P"]]:
    """Values of the policies that learn nothing."""
    returns, mask = pools.returns(horizon), pools.mask

    def by_score(scores: Float[np.ndarray, "P K"]) -> Float[np.ndarray, " P"]:
        return (best_of_pool(scores, mask, wins) * returns).sum(axis=1)

    answers = visible_answers(pools, horizon)
    values = {
        "base": returns.sum(axis=1) / pools.sizes,
        "vote": vote(answers, returns, mask, settings.num_candidates, settings.seed),
        "exact": by_score(returns),
    }
    if np.isfinite(pools.verifier_score).any():
        known = pools.finished(horizon) & np.isfinite(pools.verifier_score)
        values["score"] = by_score(np.where(known, pools.verifier_score, -np.inf))
    return values


def _learned(
    pools: SamplePools,
    horizon: int,
    settings: Settings,
    phi: Features,
    train: Bool[np.ndarray, "seeds P"],
    expert: Float[np.ndarray, "P K"],
    wins: Float[np.ndarray, "P K+1"],
) -> PolicyValues:
    """Train the learners of every seed and n, and score them on all prompts."""
    returns, mask = pools.returns(horizon), pools.mask
    uniforms = np.stack(
        [
            np.random.default_rng([settings.seed, 1, index]).random((settings.data_budgets[-1], 4))
            for index in range(settings.seeds)
        ]
    )
    solved = train & (returns > 0).any(axis=1)
    clones = clone(phi, draw_traces(expert, solved, uniforms[..., :2]), settings.data_budgets)
    drawn = draw_traces(mask / pools.sizes[:, None], train, uniforms[..., 2:])
    labels = returns[drawn.prompt, drawn.sample] / horizon
    labelled = LabelledTraces(drawn.prompt, drawn.sample, labels)
    models = predicted_returns(phi, labelled, settings.data_budgets)
    played, predicted = np.asarray(clones.policies), np.asarray(models.returns)
    values = learner_values(played, predicted, returns, mask, wins, settings.leash)
    unconverged = {
        "clone": int((~clones.converged).sum()),
        "reward model": int((~models.converged).sum()),
    }
    return PolicyValues(
        dict(zip(LEARNED, values, strict=True)),
        unconverged,
        clones.converged.size,
    )


def halves(prompts: int, *, seeds: int, seed: int) -> Bool[np.ndarray, "seeds P"]:
    """A random half of the prompts to train each seed, pairs of seeds swapping the halves.

    One prompt trains nothing.

    Args:
      prompts: P.
      seeds: number of repetitions.
      seed: seed of the permutations; the same seed gives the same halves.
    """
    train = np.zeros((seeds, prompts), bool)
    half = prompts // 2
    for index in range(seeds):
        order = np.random.default_rng([seed, 0, index // 2]).permutation(prompts)
        train[index, order[half:] if index % 2 else order[:half]] = prompts > 1
    return train


def learner_values(
    cloned: Float[np.ndarray, "*runs P K"],
    predicted: Float[np.ndarray, "*runs P K"],
    returns: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
    wins: Float[np.ndarray, "P K+1"],
    leash: Leash,
) -> tuple[Float[np.ndarray, "*runs P"], ...]:
    """Values of the clone and of the verifier's choice, each unleashed and leashed.

    Args:
      cloned: policies of the clones.
      predicted: non-negative rewards by which the verifiers choose.
      returns: of every sample, in the unit of the pools.
      mask: whether there is a sample.
      wins: `win_table` of the pools.
      leash: of the leashed policies.
    """
    runs, shape = cloned.shape[:-2], mask.shape
    flat = [array.reshape(-1, *shape) for array in (cloned, predicted)]
    values = np.empty((len(LEARNED), len(flat[0]), shape[0]))
    step = max(1, _AT_ONCE // mask.size)
    for start in range(0, len(flat[0]), step):
        policy, rewards = (array[start : start + step] for array in flat)
        leashed = within(policy, mask, leash)
        best = best_of_pool(rewards, mask, wins)
        chosen = (policy, leashed, best, best_policy(rewards, mask, leash))
        for row, each in enumerate(chosen):
            values[row, start : start + step] = np.sum(each * returns, axis=-1)
    return tuple(value.reshape(*runs, shape[0]) for value in values)
