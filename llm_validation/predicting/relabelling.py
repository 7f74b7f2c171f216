"""Risks that the relabelling game predicts, with intervals over prompts.

Each learner gains a share of what it would gain knowing the reward: the chance that it picked the
right codeword, or what averaging over the codewords it cannot tell apart leaves of it
(docs/theory.md#exact-risks). The share is computed on the prompts as they are. A bootstrap
replicate moves the gains, which are averages over prompts, and the rate at which a trace tells
codewords apart (docs/theory.md#information-rates): n traces of its prompts are worth n times the
ratio of the rates. Where the class size is calibrated a replicate has one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.interpolate import PchipInterpolator

from verigap.llm_validation.intervals import (
    Resampler,
)
from verigap.llm_validation.predicting.draws import LEARNERS, Assumptions, Draws, resampled_means
from verigap.llm_validation.predicting.group_laws import GroupLaws
from verigap.sim.relabelling.learners.learner import posterior, version_space
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler
from verigap.theory import RewardLaw, best_of_n_policy, chi2_ball_expert
from verigap.theory.imperfect_verifier import observed_returns
from verigap.theory.lattices import (
    as_likelihood,
    expert_steps,
    label_lattice,
    step_transforms,
    sum_of_terms,
)
from verigap.theory.risks.version_space import survivor_share
from verigap.theory.risks.vf_mle import probability_correct

_CELLS = 1 << 13
_LISTED = 16
# Data sets of cloning: this many vectors of how many traces each prompt got, evenly spaced among
# many drawn in order of their information; and how often each is played.
_DRAWN, _KEPT, _PLAYED = 2048, 32, 8
_LABELLED = 256
_KNOWN = 0.9995
# Quantiles of the replicates' class sizes that are played; others play the nearest.
_SIZES_PLAYED = (0.025, 0.25, 0.75, 0.975)
# Quantiles of what n traces of a replicate are worth at which shares are computed.
_AROUND = (0.025, 0.25, 0.75, 0.975)


@dataclass(frozen=True, eq=False)
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
    return HorizonGains(*jax.device_get(_gains(law, *_numbers(given))))


def _numbers(given: Assumptions) -> list[Float[Array, ""]]:
    values = (given.radius, given.candidates, given.false_positive, given.false_negative)
    return [jnp.asarray(float(value)) for value in values]


@jax.jit
def _gains(law, radius, candidates, false_positive, false_negative):
    expert = chi2_ball_expert(law, radius)
    shown = observed_returns(law, false_positive, false_negative)

    def earned(ratio: Float[Array, "P K"]) -> Float[Array, " P"]:
        weight = shown.law.probabilities * ratio
        return jnp.sum(weight * shown.true_return, axis=-1) - law.mean

    tilted = earned(chi2_ball_expert(shown.law, radius).density_ratio)
    picked = earned(best_of_n_policy(shown.law, candidates))
    gain = expert.value - law.mean
    ratio = expert.density_ratio
    log_ratio = jnp.where(ratio > 0, jnp.log(jnp.where(ratio > 0, ratio, 1.0)), 0.0)
    information = jnp.sum(law.probabilities * ratio * log_ratio, axis=-1)
    chance = shown.law.probabilities
    surprise = jnp.where(chance > 0, -jnp.log(jnp.where(chance > 0, chance, 1.0)), 0.0)
    reach = dict(zip(LEARNERS, (gain, gain, tilted, picked), strict=True))
    return law.mean, expert.value, reach, information, jnp.sum(chance * surprise, axis=-1)


def _spread_counts(
    data: int, rate: Float[np.ndarray, " P"], seed: int
) -> Float[np.ndarray, "kept P"]:
    """How many of n traces each prompt gets, in data sets that stand for all of them.

    What the data set tells depends on which prompts it happens to hold, so the kept vectors are
    the middles of equal shares of many in order of their information.
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(data, np.full(rate.size, 1 / rate.size), _DRAWN)
    order = np.argsort(counts @ rate, kind="stable")
    return counts[order[_DRAWN // (2 * _KEPT) :: _DRAWN // _KEPT]].astype(float)


@jax.jit
def _cloning(
    law: RewardLaw,
    radius: Float[Array, ""],
    data: Float[Array, ""],
    counts: Float[Array, "kept P"],
    sizes: Float[Array, " D"],
) -> Float[Array, " D"]:
    """P(VF-MLE is right) for several class sizes, averaged over the counts."""
    ratio = chi2_ball_expert(law, radius).density_ratio
    transforms = step_transforms(*expert_steps(law, ratio), data, _CELLS)

    def correct(count: Float[Array, " P"]) -> Float[Array, " D"]:
        lattice = as_likelihood(sum_of_terms(transforms, count))
        return jax.vmap(lambda size: probability_correct(lattice, size))(sizes)

    return jnp.mean(jax.lax.map(correct, counts), axis=0)


@jax.jit
def _shares(
    law: RewardLaw,
    numbers: list[Float[Array, ""]],
    data: Float[Array, ""],
    size: Float[Array, ""],
    counts: Float[Array, "kept P"],
    key: PRNGKeyArray,
    prompts: Float[Array, ""],
) -> Float[Array, " learners"]:
    """Share of its reach that each learner gains.

    Averaging over codewords divides the sd of the believed return by the root of their effective
    number, 1 / sum p^2; by Lemma 2 it leaves at most sd sqrt(kappa sum p^2) of the gain, and all
    of this while the ceiling is attained.
    """
    radius, _, false_positive, false_negative = numbers
    own = jnp.arange(float(law.mean.shape[0])) < prompts
    expert = chi2_ball_expert(law, radius)
    transforms = step_transforms(*expert_steps(law, expert.density_ratio), data, _CELLS)

    def kept(believed: RewardLaw, weight: Float[Array, " replicates"]) -> Float[Array, ""]:
        gain = jnp.where(own, chi2_ball_expert(believed, radius).value - believed.mean, 0.0)
        ceiling = jnp.where(own, believed.sd * jnp.sqrt(radius), 0.0)
        least = jnp.minimum(gain[None], ceiling[None] * jnp.sqrt(weight)[:, None])
        total = jnp.sum(gain)
        return jnp.where(total > 0, jnp.mean(jnp.sum(least, axis=-1)) / total, 0.0)

    def clone(inputs: tuple[Float[Array, " P"], PRNGKeyArray]):
        count, own_key = inputs
        lattice = as_likelihood(sum_of_terms(transforms, count))
        sampler = DemonstrationSampler(lattice, size, _LISTED)

        def concentration(key: PRNGKeyArray) -> Float[Array, ""]:
            belief = posterior(sampler(key))
            return jnp.sum(belief.weights**2) + belief.crowd_square

        played = jax.vmap(concentration)(jax.random.split(own_key, _PLAYED))
        return probability_correct(lattice, size), played

    clone_key, label_key = jax.random.split(key)
    keys = jax.random.split(clone_key, counts.shape[0])
    correct, concentrations = jax.lax.map(clone, (counts, keys))

    shown = observed_returns(law, false_positive, false_negative).law
    # Prompts that only fill up the shape give no labels.
    labelled = RewardLaw(shown.support, jnp.where(own[:, None], shown.probabilities, 0.0))
    labels = label_lattice(labelled, data, _CELLS)
    sampler = LabelSampler(labels, size, _LISTED)

    def agreement(key: PRNGKeyArray) -> Float[Array, ""]:
        belief = version_space(sampler(key))
        return jnp.sum(belief.weights**2) + belief.crowd_square

    agreed = jax.vmap(agreement)(jax.random.split(label_key, _LABELLED))
    return jnp.stack(
        [
            jnp.mean(correct),
            kept(law, jnp.minimum(concentrations.ravel(), 1.0)),
            kept(shown, jnp.minimum(agreed, 1.0)),
            survivor_share(labels, size),
        ]
    )


def _filled(law: RewardLaw) -> RewardLaw:
    """The same prompts over and again, a power of two in all: few shapes are ever compiled."""
    prompts = law.mean.shape[0]
    size = 1 << max(7, (prompts - 1).bit_length())
    index = np.arange(size) % prompts
    return RewardLaw(law.support[index], law.probabilities[index])


def cloning_shares(
    law: RewardLaw, radius: float, data: int, sizes: Sequence[float], seed: int = 0
) -> Float[np.ndarray, " D"]:
    """P(VF-MLE is right) with n traces, for several class sizes d (bits)."""
    given = Assumptions(radius, 1.0, 1)
    filled, counts = _filled(law), _counts(law, horizon_gains(law, given).cloning_rate, data, seed)
    numbers = (jnp.asarray(float(value)) for value in (radius, data))
    return np.asarray(_cloning(filled, *numbers, counts, jnp.asarray(sizes, float)))


def _counts(
    law: RewardLaw, rate: Float[np.ndarray, " P"], data: int, seed: int
) -> Float[Array, "kept filled"]:
    counts = _spread_counts(data, rate, seed)
    return jnp.asarray(np.pad(counts, [(0, 0), (0, _filled(law).mean.shape[0] - rate.size)]))


@dataclass(frozen=True, eq=False)
class ShareCurves:
    """Share of its reach that each learner gains, as a function of n.

    Attributes:
      data: grid of n, ascending.
      shares: by learner, on the grid, in [0, 1].
    """

    data: Float[np.ndarray, " grid"]
    shares: dict[str, Float[np.ndarray, " grid"]]

    def at(self, learner: str, data: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """Shares at any n, by monotone interpolation in log n; constant beyond the grid."""
        if self.data.size == 1:
            return np.full(np.shape(data), self.shares[learner][0])
        inside = np.clip(np.log(data), np.log(self.data[0]), np.log(self.data[-1]))
        found = PchipInterpolator(np.log(self.data), self.shares[learner])(inside)
        return np.clip(found, 0.0, 1.0)


def share_curves(
    law: RewardLaw,
    given: Assumptions,
    data: Sequence[int],
    seed: int = 0,
    around: Sequence[float] = (0.5, 2.0),
) -> ShareCurves:
    """Shares on a grid of n that holds `data` and the multiples of each that are wanted."""
    steps = np.rint(np.outer(data, around)).astype(int).ravel()
    grid = sorted({*data, *steps.tolist()} - {0})
    filled, prompts = _filled(law), jnp.asarray(float(law.mean.shape[0]))
    rate = horizon_gains(law, given).cloning_rate
    size, key = jnp.asarray(float(given.log2_class_size)), jax.random.key(seed)
    found = np.ones((len(grid), len(LEARNERS)))
    for index, n in enumerate(grid):
        counts = _counts(law, rate, n, seed)
        found[index] = _shares(
            filled, _numbers(given), jnp.asarray(float(n)), size, counts, key, prompts
        )
        if (found[index] >= _KNOWN).all():
            # More data cannot tell more.
            break
    columns: dict[str, np.ndarray] = dict(zip(LEARNERS, found.T, strict=True))
    return ShareCurves(np.asarray(grid, float), columns)


def predicted_draws(
    group: GroupLaws,
    given: Assumptions,
    data: Sequence[int],
    resampler: Resampler,
    seed: int = 0,
    sizes: Float[np.ndarray, " B"] | None = None,
) -> Draws:
    """Suboptimality of every learner at every budget of the group, for every replicate.

    Args:
      group: laws of the prompts.
      given: what is taken as given.
      data: n.
      resampler: of the prompts.
      seed: of the simulated posteriors.
      sizes: d of every replicate (bits); by default all have that of `given`.
    """
    wanted = np.asarray(data, float)
    played, nearest = _played_sizes(given.log2_class_size, sizes, resampler)
    base, expert = [], []
    subs: dict[str, list[np.ndarray]] = {learner: [] for learner in LEARNERS}
    for law in group.laws.values():
        gains = horizon_gains(law, given)
        columns = [gains.base, gains.expert, gains.cloning_rate, gains.labelling_rate]
        columns += [gains.reach[learner] for learner in LEARNERS]
        table = np.stack(columns, axis=1)
        mean = table.mean(axis=0)
        drawn = resampled_means(table, resampler) if group.prompts > 1 else mean[None]
        speed = np.where(mean[2:4] > 0, drawn[:, 2:4] / np.where(mean[2:4] > 0, mean[2:4], 1), 1.0)
        # Shares rise steeply, so the grid is as fine as the replicates lie close.
        speed = np.maximum(speed, 1e-9)
        around = np.quantile(speed, _AROUND).tolist()
        curves = [
            share_curves(law, replace(given, log2_class_size=float(size)), data, seed, around)
            for size in played
        ]
        base.append(drawn[:, 0])
        expert.append(drawn[:, 1])
        for index, learner in enumerate(LEARNERS):
            rate = speed[:, 0 if learner.startswith("vf") else 1]
            worth = rate[:, None] * wanted[None]
            shares = np.empty_like(worth)
            for which, curve in enumerate(curves):
                rows = nearest[: len(drawn)] == which
                shares[rows] = curve.at(learner, worth[rows])
            gained = shares * drawn[:, 4 + index, None]
            subs[learner].append((drawn[:, 1] - drawn[:, 0])[:, None] - gained)
    return Draws(
        np.stack(base, axis=1),
        np.stack(expert, axis=1),
        {learner: np.stack(rows, axis=1) for learner, rows in subs.items()},
    )


def _played_sizes(
    estimate: float, sizes: Float[np.ndarray, " B"] | None, resampler: Resampler
) -> tuple[Float[np.ndarray, " few"], Int[np.ndarray, " rows"]]:
    """A few class sizes that stand for all, and which of them each row of the draws plays."""
    if sizes is None:
        return np.array([estimate]), np.zeros(len(resampler.weights) + 1, int)
    ends = np.quantile(sizes, _SIZES_PLAYED, method="inverted_cdf")
    played = np.unique([estimate, *ends])
    wanted = np.log(np.concatenate([[estimate], sizes]))
    return played, np.argmin(np.abs(wanted[:, None] - np.log(played)[None]), axis=1)
