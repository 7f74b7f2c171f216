"""Risks that the relabelling game predicts, with intervals over prompts.

Each learner gains a share of what it would gain knowing the reward: the chance that it picked the
right codeword, or what averaging over the codewords it cannot tell apart leaves of it
(docs/theory.md#exact-risks). The share is computed on the prompts as they are. A bootstrap
replicate moves the gains, which are averages over prompts, and the rate at which a trace tells
codewords apart (docs/theory.md#information-rates): n traces of its prompts are worth n times the
ratio of the rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting.draws import LEARNERS, Assumptions, Draws, resampled_means
from verigap.llm_validation.predicting.group_laws import GroupLaws
from verigap.llm_validation.predicting.relabelling_shares import (
    learner_shares,
    matching_shares,
    repeated_prompts,
    surviving_shares,
    trace_counts,
)
from verigap.theory import RewardLaw, best_of_n_policy
from verigap.theory.arrays import Array, host_array
from verigap.theory.balls import BALLS, Divergence
from verigap.theory.imperfect_verifier import observed_returns


def cloning_shares(
    law: RewardLaw,
    leash: Leash,
    data_budget: int,
    log2_class_sizes: Sequence[float],
    seed: int = 0,
) -> Float[np.ndarray, " D"]:
    """P(VF-MLE is right) with n traces, for several class sizes d (bits).

    Args:
      law: reward laws of the prompts, shape (P, K).
      leash: of the expert.
      data_budget: n.
      log2_class_sizes: d, bits.
      seed: seed of how the traces fall on the prompts.
    """
    given = Assumptions(leash=leash, log2_class_size=1.0, num_candidates=1)
    rate = horizon_gains(law, given).cloning_rate
    return matching_shares(
        repeated_prompts(law.in_numpy()),
        leash.radius,
        data_budget,
        trace_counts(rate, data_budget, seed),
        log2_class_sizes,
        leash.divergence,
    )


def labelling_shares(
    law: RewardLaw, data_budget: int, log2_class_sizes: Sequence[float]
) -> list[float]:
    """P(a random consistent reward is the true one) with n labels, for several class sizes d.

    Args:
      law: reward laws of the prompts, shape (P, K).
      data_budget: n, labels.
      log2_class_sizes: d, bits.
    """
    return surviving_shares(law.in_numpy(), data_budget, log2_class_sizes).tolist()


_KNOWN = 0.9995
_KIND = {learner: learner.partition("-")[0] for learner in LEARNERS}
# Quantiles of what n traces of a replicate are worth at which shares are computed.
_AROUND = (0.025, 0.25, 0.75, 0.975)


@dataclass(frozen=True, kw_only=True, eq=False)
class HorizonGains:
    """Per-prompt quantities at one budget, shape (P,), in tokens unless said otherwise.

    Attributes:
      base, expert: J_base and J_expert.
      reach: by learner, what it gains over the base knowing the reward its labels show.
      cloning_rate, labelling_rate: nats by which one trace tells codewords apart.
    """

    base: Float[np.ndarray, " P"]
    expert: Float[np.ndarray, " P"]
    reach: dict[str, Float[np.ndarray, " P"]]
    cloning_rate: Float[np.ndarray, " P"]
    labelling_rate: Float[np.ndarray, " P"]


def horizon_gains(law: RewardLaw, given: Assumptions) -> HorizonGains:
    """What full knowledge of the reward is worth on every prompt, and how fast it comes."""
    return _gains(law.in_numpy(), **_numbers(given), divergence=given.leash.divergence)


def _numbers(given: Assumptions) -> dict[str, Float[Array, ""]]:
    """What is given about experts, candidates and checks, as arrays of one number each."""
    values = {
        "radius": given.leash.radius,
        "num_candidates": given.num_candidates,
        "false_positive": given.false_positive,
        "false_negative": given.false_negative,
    }
    return {name: host_array(value) for name, value in values.items()}


def _gains(
    law: RewardLaw,
    radius: Float[Array, ""],
    num_candidates: Float[Array, ""],
    false_positive: Float[Array, ""],
    false_negative: Float[Array, ""],
    divergence: Divergence,
) -> HorizonGains:
    ball = BALLS[divergence]
    expert = ball.expert(law, radius)
    observed = observed_returns(law, false_positive, false_negative)

    def earned(ratio: Array) -> Float[np.ndarray, " P"]:
        weight = observed.law.probabilities * ratio
        return np.sum(weight * observed.true_return, axis=-1) - law.mean

    tilted = earned(ball.expert(observed.law, radius).density_ratio)
    picked = earned(best_of_n_policy(observed.law, num_candidates))
    gain = expert.value - law.mean
    ratio = expert.density_ratio
    log_ratio = np.where(ratio > 0, np.log(np.where(ratio > 0, ratio, 1.0)), 0.0)
    chance = observed.law.probabilities
    surprise = np.where(chance > 0, -np.log(np.where(chance > 0, chance, 1.0)), 0.0)
    return HorizonGains(
        base=np.asarray(law.mean),
        expert=np.asarray(expert.value),
        reach=dict(zip(LEARNERS, map(np.asarray, (gain, gain, tilted, picked)), strict=True)),
        cloning_rate=np.sum(law.probabilities * ratio * log_ratio, axis=-1),
        labelling_rate=np.sum(chance * surprise, axis=-1),
    )


@dataclass(frozen=True, eq=False)
class ShareCurves:
    """Share of its reach that each learner gains, as a function of n.

    Attributes:
      data_budgets: grid of n, ascending.
      shares: by learner, on the grid, in [0, 1].
    """

    data_budgets: Float[np.ndarray, " grid"]
    shares: dict[str, Float[np.ndarray, " grid"]]

    def at(
        self, learner: str, data_budgets: Float[np.ndarray, "*any"]
    ) -> Float[np.ndarray, "*any"]:
        """Shares at any n, by monotone interpolation in log n; constant beyond the grid."""
        grid, shares = self.data_budgets, self.shares[learner]
        if grid.size == 1:
            return np.full(np.shape(data_budgets), shares[0])
        inside = np.clip(np.log(data_budgets), np.log(grid[0]), np.log(grid[-1]))
        return np.clip(PchipInterpolator(np.log(grid), shares)(inside), 0.0, 1.0)


def share_curves(
    law: RewardLaw,
    given: Assumptions,
    data_budgets: Sequence[int],
    seed: int = 0,
    around: Sequence[float] = (0.5, 2.0),
) -> ShareCurves:
    """Shares on a grid of n.

    Args:
      law: reward laws of the prompts, shape (P, K).
      given: what is taken as given.
      data_budgets: n that the grid holds.
      seed: seed of the simulated posteriors.
      around: multiples of each n that the grid holds besides.
    """
    multiples = np.rint(np.outer(data_budgets, around)).astype(int).ravel()
    grid = sorted({*data_budgets, *multiples.tolist()} - {0})
    filled, prompts = repeated_prompts(law), jnp.asarray(float(law.mean.shape[0]))
    rate = horizon_gains(law, given).cloning_rate
    size, key = jnp.asarray(float(given.log2_class_size)), jax.random.key(seed)
    numbers = {name: jnp.asarray(value) for name, value in _numbers(given).items()}
    shares = {learner: np.ones(len(grid)) for learner in LEARNERS}
    for index, n in enumerate(grid):
        counts = jnp.asarray(trace_counts(rate, n, seed))
        at_n = learner_shares(filled, numbers, jnp.asarray(float(n)), size, counts, key, prompts)
        for learner, share in jax.device_get(at_n).items():
            shares[learner][index] = share
        if all(share[index] >= _KNOWN for share in shares.values()):
            # More data cannot tell more.
            break
    return ShareCurves(np.asarray(grid, float), shares)


def predicted_draws(
    group: GroupLaws,
    given: Assumptions,
    data_budgets: Sequence[int],
    resampler: Resampler,
    seed: int = 0,
) -> Draws:
    """Suboptimality of every learner at every budget of the group, for every replicate.

    Args:
      group: laws of the prompts.
      given: what is taken as given.
      data_budgets: n.
      resampler: of the prompts.
      seed: seed of the simulated posteriors.
    """
    means, suboptimality = [], []
    for law in group.laws.values():
        drawn = _resampled_gains(horizon_gains(law, given), resampler)
        speed = _relative_speeds(drawn)
        # Shares rise steeply, so the grid is as fine as the replicates lie close.
        around = np.quantile(np.stack(list(speed.values()), axis=1), _AROUND).tolist()
        curve = share_curves(law, given, data_budgets, seed, around)
        means.append(drawn)
        suboptimality.append(
            {
                learner: (drawn.expert - drawn.base)[:, None]
                - _drawn_shares(curve, learner, speed[_KIND[learner]], data_budgets)
                * drawn.reach[learner][:, None]
                for learner in LEARNERS
            }
        )
    return Draws(
        np.stack([each.base for each in means], axis=1),
        np.stack([each.expert for each in means], axis=1),
        {
            learner: np.stack([each[learner] for each in suboptimality], axis=1)
            for learner in LEARNERS
        },
    )


def _resampled_gains(gains: HorizonGains, resampler: Resampler) -> HorizonGains:
    """Means over prompts in place of the prompts: the estimate first, then every replicate."""
    columns = {
        "base": gains.base,
        "expert": gains.expert,
        "cloning_rate": gains.cloning_rate,
        "labelling_rate": gains.labelling_rate,
        **gains.reach,
    }
    table = np.stack(list(columns.values()), axis=1)
    means = (
        resampled_means(table, resampler) if len(table) > 1 else table.mean(axis=0, keepdims=True)
    )
    drawn = dict(zip(columns, means.T, strict=True))
    reach = {learner: drawn.pop(learner) for learner in gains.reach}
    return HorizonGains(**drawn, reach=reach)


def _relative_speeds(drawn: HorizonGains) -> dict[str, Float[np.ndarray, " rows"]]:
    """Rate of every replicate over that of the estimate, by kind of learner; 1 where that is 0."""
    rates = {"vf": drawn.cloning_rate, "vb": drawn.labelling_rate}
    return {
        kind: np.maximum(rate / rate[0] if rate[0] > 0 else np.ones_like(rate), 1e-9)
        for kind, rate in rates.items()
    }


def _drawn_shares(
    curve: ShareCurves,
    learner: str,
    speed: Float[np.ndarray, " rows"],
    data_budgets: Sequence[int],
) -> Float[np.ndarray, "rows n"]:
    """Shares of every replicate: n traces of its prompts are worth `speed` times n.

    Args:
      curve: of the game.
      learner: a name of `LEARNERS`.
      speed: of each replicate.
      data_budgets: n.
    """
    return curve.at(learner, speed[:, None] * np.asarray(data_budgets, float)[None])
