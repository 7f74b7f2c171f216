"""What to train: clone, rejection-sample or reinforce, from the same number of traces.

Every arm is a policy that draws one sample of a prompt. Policies are tilts of the base over the
pool of each prompt, by features that need neither another sample of the prompt nor a verifier. They
are fitted on one half of the prompts, valued on the other, and kept within the same leash around
the base.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.deciding.held_out import HeldOut
from verigap.llm_validation.deciding.leashes import usual_leashes
from verigap.llm_validation.deciding.outcomes import Currency, Outcomes
from verigap.llm_validation.pools.cloning import Demonstrations, clone, draw_traces
from verigap.llm_validation.pools.features import SCORE
from verigap.llm_validation.pools.leashes import Leash, base_law, best_policy, within
from verigap.llm_validation.pools.policy_values import halves
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns

UNTRAINED = ("base",)
TRAINED = ("clone", "rejection", "reinforce")
ARMS = (*UNTRAINED, *TRAINED)
SEEDS = 16
# Draws of N a prompt and split, and the least of them where prompts are many.
_VOTES, _FEWEST_VOTES = 64, 8
_DRAWN = 16_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """Mean reward of every trained policy on prompts that it did not see.

    Attributes:
      data_budgets: n, ascending: expert traces of the clone, labelled traces of the others.
      leashes: the first is the one that the decision is about.
      values: by currency, leash (its place) and arm (see `ARMS`); one sample a prompt.
      voted: by currency and arm: the vote over N samples of the policy at the first leash and the
        largest n; empty without answers.
      shifts: as `values`, of the trained arms: how much their means move with the training prompts,
        see `HeldOut`; for `JointMeans.of`.
      voted_shifts: the same of `voted`.
      num_candidates: N of that vote.
      expert: by currency, mean reward on each prompt of the expert that the clone imitates; no
        policy within the first leash exceeds it.
      solved: share of the prompts on which the expert has a success to show.
      kept: mean share of the n labelled traces that rejection sampling clones.
      unconverged: fits that did not converge, of `fits`.
    """

    data_budgets: tuple[int, ...]
    leashes: tuple[Leash, ...]
    values: dict[Currency, tuple[dict[str, Float[np.ndarray, "n P"]], ...]]
    voted: dict[Currency, dict[str, Float[np.ndarray, " P"]]]
    shifts: dict[Currency, tuple[dict[str, Float[np.ndarray, "n pairs"]], ...]]
    voted_shifts: dict[Currency, dict[str, Float[np.ndarray, " pairs"]]]
    num_candidates: int
    expert: dict[Currency, Float[np.ndarray, " P"]]
    solved: float
    kept: float
    unconverged: int
    fits: int


def train(
    found: Outcomes,
    *,
    data_budgets: tuple[int, ...],
    leash: Leash,
    num_candidates: int,
    seed: int,
) -> Training:
    """Value of the base and of each trained policy, for every n and leash.

    "clone" imitates n traces of an expert, the best policy within the first leash that saw the
    rewards. "rejection" imitates the rewarded ones among n traces of the base. "reinforce" moves
    towards the reward predicted by a model of the same n traces and their rewards.

    Args:
      found: samples of at least two prompts.
      data_budgets: n, ascending, at least 1.
      leash: the first one, which the expert keeps to as well; see `usual_leashes` for the others.
      num_candidates: N of the vote after training.
      seed: seed of the splits, the traces and the votes.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.leashes import USUAL
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.deciding.training import train
      >>> from verigap.llm_validation.pools.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = train(
      ...     outcomes_at(pools, 64),
      ...     data_budgets=(16, 64), leash=USUAL, num_candidates=8, seed=0,
      ... )
      >>> [str(leash) for leash in found.leashes]
      ['KL 0.693 nats', 'KL 0.173 nats', 'KL 2.77 nats', 'chi-square 1']
    """
    leashes = usual_leashes(leash)
    fits: dict[Currency, _Fitted] = {
        currency: _fit(found, currency, data_budgets, leashes[0], seed)
        for currency in found.rewards
    }
    values: dict[Currency, tuple[dict[str, HeldOut], ...]] = {}
    voted: dict[Currency, dict[str, HeldOut]] = {}
    held_out = ~halves(len(found.mask), seeds=SEEDS, seed=seed)
    for currency, fit in fits.items():
        reward = found.rewards[currency]
        first = fit.within(leashes[0], found.mask, held_out)
        # One leash at a time: the policies of all would take much memory.
        others = (fit.within(leash, found.mask, held_out) for leash in leashes[1:])
        values[currency] = tuple(_valued(each, reward, held_out) for each in chain([first], others))
        if (found.answer >= 0).any():
            voted[currency] = {
                arm: _voted(found, policy[-1], reward, held_out, num_candidates, seed)
                for arm, policy in first.items()
            }
    return _training(data_budgets, leashes, num_candidates, fits, values, voted)


def _training(
    data_budgets: tuple[int, ...],
    leashes: tuple[Leash, ...],
    num_candidates: int,
    fits: dict[Currency, _Fitted],
    values: dict[Currency, tuple[dict[str, HeldOut], ...]],
    voted: dict[Currency, dict[str, HeldOut]],
) -> Training:
    """What was fitted and valued, sorted into means and shifts."""
    first = next(iter(fits.values()))
    return Training(
        data_budgets=data_budgets,
        leashes=leashes,
        values={
            currency: tuple(
                {arm: each.values for arm, each in by_arm.items()} for by_arm in by_leash
            )
            for currency, by_leash in values.items()
        },
        voted={
            currency: {arm: each.values for arm, each in by_arm.items()}
            for currency, by_arm in voted.items()
        },
        shifts={
            currency: tuple(_shifts(by_arm) for by_arm in by_leash)
            for currency, by_leash in values.items()
        },
        voted_shifts={currency: _shifts(by_arm) for currency, by_arm in voted.items()},
        num_candidates=num_candidates,
        expert={currency: fit.expert for currency, fit in fits.items()},
        solved=first.solved,
        kept=first.kept,
        unconverged=sum(fit.unconverged for fit in fits.values()),
        fits=sum(fit.fits for fit in fits.values()),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fitted:
    """Policies as fitted, and the reward model, of one currency."""

    clone: Float[np.ndarray, "n seeds P K"]
    rejection: Float[np.ndarray, "n seeds P K"]
    predicted: Float[np.ndarray, "n seeds P K"]
    expert: Float[np.ndarray, " P"]
    solved: float
    kept: float
    unconverged: int
    fits: int

    def within(
        self,
        leash: Leash,
        mask: Bool[np.ndarray, "P K"],
        held_out: Bool[np.ndarray, "seeds P"],
    ) -> dict[str, Float[np.ndarray, "n held K"]]:
        """Every arm's policy within a leash on held-out prompts, in the order of `nonzero`."""
        masks = mask[np.nonzero(held_out)[1]]
        clone, rejection = self.clone[:, held_out], self.rejection[:, held_out]
        return {
            "base": np.broadcast_to(base_law(masks), clone.shape),
            "clone": within(clone, masks, leash),
            "rejection": within(rejection, masks, leash),
            "reinforce": best_policy(self.predicted[:, held_out], masks, leash),
        }


def _fit(
    found: Outcomes, currency: Currency, data_budgets: tuple[int, ...], leash: Leash, seed: int
) -> _Fitted:
    reward, mask = found.rewards[currency], found.mask
    train_on = halves(len(mask), seeds=SEEDS, seed=seed)
    uniforms = np.random.default_rng([seed, 13]).random((SEEDS, data_budgets[-1], 4))
    # A policy that draws one sample of a prompt is not told how a verifier will score it.
    features = found.alone.without(SCORE)
    expert = best_policy(reward, mask, leash)
    has_success = (reward > 0).any(axis=1)
    shown = draw_traces(expert, train_on & has_success, uniforms[..., :2])
    clones = clone(features, shown, data_budgets)
    base = mask / mask.sum(axis=1, keepdims=True)
    drawn = draw_traces(base, train_on, uniforms[..., 2:])
    label = reward[drawn.prompt, drawn.sample] / found.scale(currency)
    good = (label > 0) & (drawn.prompt >= 0)
    rewarded = Demonstrations(np.where(good, drawn.prompt, -1), np.where(good, drawn.sample, -1))
    rejection = clone(features, rewarded, data_budgets)
    labelled = LabelledTraces(drawn.prompt, drawn.sample, label)
    models = predicted_returns(features, labelled, data_budgets)
    converged = (clones.converged, rejection.converged, models.converged)
    return _Fitted(
        clone=clones.policies,
        rejection=rejection.policies,
        predicted=models.returns,
        expert=(expert * reward).sum(axis=1),
        solved=float(has_success.mean()),
        kept=float(good.mean()),
        unconverged=int(sum((~each).sum() for each in converged)),
        fits=int(sum(each.size for each in converged)),
    )


def _shifts(by_arm: dict[str, HeldOut]) -> dict[str, np.ndarray]:
    """Those of the arms that learn."""
    return {arm: each.shifts for arm, each in by_arm.items() if arm in TRAINED}


def _valued(
    policies: dict[str, Float[np.ndarray, "n held K"]],
    reward: Float[np.ndarray, "P K"],
    held_out: Bool[np.ndarray, "seeds P"],
) -> dict[str, HeldOut]:
    """Mean reward of one sample of every policy, on held-out prompts."""
    rewards = reward[np.nonzero(held_out)[1]]
    valued = {}
    for arm, policy in policies.items():
        values = np.zeros((len(policy), *held_out.shape))
        values[:, held_out] = np.einsum("nmk,mk->nm", policy, rewards)
        valued[arm] = HeldOut.of(values, held_out)
    return valued


def _voted(
    found: Outcomes,
    policy: Float[np.ndarray, "held K"],
    reward: Float[np.ndarray, "P K"],
    held_out: Bool[np.ndarray, "seeds P"],
    n: int,
    seed: int,
) -> HeldOut:
    """Mean reward of a vote over N independent samples of a policy, on held-out prompts.

    Ties between answers are split; where no sample has an answer, any is returned. The mean over
    the N samples is by Monte Carlo: 64 draws a prompt and seed, or as few as 8 where prompts are
    many, so that about as many draws are behind the mean of all.
    """
    draws = int(np.clip(_DRAWN // len(found.mask), _FEWEST_VOTES, _VOTES))
    values = np.zeros(held_out.shape)
    prompts = np.nonzero(held_out)[1]
    for prompt in range(len(found.mask)):
        codes = found.answer[prompt] + 1
        groups = np.zeros((codes.size, int(codes.max()) + 1))
        groups[np.arange(codes.size), codes] = found.mask[prompt]
        played = policy[prompts == prompt]
        mass = played @ groups
        earned = (played * reward[prompt]) @ groups
        by_answer = earned / np.maximum(mass, 1e-300)
        rng = np.random.default_rng([seed, 17, prompt])
        shares = mass / mass.sum(axis=1, keepdims=True)
        votes = rng.multinomial(n, shares, size=(draws, len(shares)))
        # Samples without an answer have no vote, but are returned where there is no other.
        votes[:, :, 0] = votes[:, :, 1:].sum(axis=2) == 0
        wins = votes == votes.max(axis=2, keepdims=True)
        earned = ((wins * by_answer).sum(axis=2) / wins.sum(axis=2)).mean(axis=0)
        values[held_out[:, prompt], prompt] = earned
    return HeldOut.of(values, held_out)
