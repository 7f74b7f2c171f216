"""Shares of what learners would gain knowing the reward, in the relabelling game of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from verigap.sim.relabelling.learners.learner import Belief, posterior, version_space
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler
from verigap.theory import RewardLaw, chi2_ball_expert
from verigap.theory.balls import BALLS, Divergence
from verigap.theory.imperfect_verifier import observed_returns
from verigap.theory.lattices import (
    SumLattice,
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


def _spread_counts(
    data_budget: int, rate: Float[np.ndarray, " P"], seed: int
) -> Float[np.ndarray, "kept P"]:
    """How many of n traces each prompt gets, in data sets that stand for all of them.

    What the data set tells depends on which prompts it happens to hold, so the kept vectors are
    the middles of equal shares of many in order of their information.
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(data_budget, np.full(rate.size, 1 / rate.size), _DRAWN)
    order = np.argsort(counts @ rate, kind="stable")
    return counts[order[_DRAWN // (2 * _KEPT) :: _DRAWN // _KEPT]].astype(float)


@partial(jax.jit, static_argnames="divergence")
def matching_shares(
    law: RewardLaw,
    radius: Float[Array, ""],
    data_budget: Float[Array, ""],
    counts: Float[Array, "kept P"],
    log2_class_sizes: Float[Array, " D"],
    divergence: Divergence,
) -> Float[Array, " D"]:
    """P(VF-MLE is right) for several class sizes, averaged over the counts."""
    ratio = BALLS[divergence].expert(law, radius).density_ratio
    transforms = step_transforms(*expert_steps(law, ratio), data_budget, _CELLS)

    def correct(count: Float[Array, " P"]) -> Float[Array, " D"]:
        lattice = as_likelihood(sum_of_terms(transforms, count))
        return jax.vmap(lambda size: probability_correct(lattice, size))(log2_class_sizes)

    return jnp.mean(jax.lax.map(correct, counts), axis=0)


@jax.jit
def surviving_shares(
    law: RewardLaw,
    prompts: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_sizes: Float[Array, " D"],
) -> Float[Array, " D"]:
    """P(a random consistent reward is right) for several class sizes.

    Args:
      law: reward laws of the prompts, filled up by `repeated_prompts`.
      prompts: how many of the law's prompts are the group's own.
      data_budget: n.
      log2_class_sizes: d (bits).
    """
    labels = label_lattice(_own_prompts(law, prompts), data_budget, _CELLS)
    return jax.vmap(lambda size: survivor_share(labels, size))(log2_class_sizes)


def _own_prompts(law: RewardLaw, prompts: Float[Array, ""]) -> RewardLaw:
    """The law in which prompts that only fill up the shape give no labels."""
    own = jnp.arange(float(law.mean.shape[0])) < prompts
    return RewardLaw(law.support, jnp.where(own[:, None], law.probabilities, 0.0))


@jax.jit
def learner_shares(
    law: RewardLaw,
    numbers: Mapping[str, Float[Array, ""]],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    counts: Float[Array, "kept P"],
    key: PRNGKeyArray,
    prompts: Float[Array, ""],
) -> dict[str, Float[Array, ""]]:
    """Share of its reach that each learner gains, on a chi-square leash.

    Args:
      law: reward laws of the prompts, filled up by `repeated_prompts`.
      numbers: see `_numbers`.
      data_budget: n.
      log2_class_size: d (bits).
      counts: how many traces each prompt got, in data sets that stand for all.
      key: of the simulated posteriors.
      prompts: how many of the law's prompts are the group's own.
    """
    own = jnp.arange(float(law.mean.shape[0])) < prompts
    radius = numbers["radius"]
    observed = observed_returns(law, numbers["false_positive"], numbers["false_negative"]).law
    labels = label_lattice(_own_prompts(observed, prompts), data_budget, _CELLS)
    clone_key, label_key = jax.random.split(key)
    correct, cloned = _clone_beliefs(law, radius, data_budget, log2_class_size, counts, clone_key)
    consistent = _label_beliefs(labels, log2_class_size, label_key)
    return {
        "vf-mle": jnp.mean(correct),
        "vf-bayes": _kept_share(law, radius, own, cloned),
        "vb-version-space": _kept_share(observed, radius, own, consistent),
        "vb-best-of-n": survivor_share(labels, log2_class_size),
    }


def _kept_share(
    believed: RewardLaw,
    radius: Float[Array, ""],
    own: Bool[Array, " P"],
    weight: Float[Array, " replicates"],
) -> Float[Array, ""]:
    """Share of the gain that is left when a policy averages over the codewords it believes in.

    Averaging divides the sd of the believed return by the root of the effective number of
    codewords, 1 / sum p^2 = 1 / `weight`; by Lemma 2 it leaves at most sd sqrt(kappa sum p^2) of
    the gain, and all of this while the ceiling is attained.
    """
    gain = jnp.where(own, chi2_ball_expert(believed, radius).value - believed.mean, 0.0)
    ceiling = jnp.where(own, believed.sd * jnp.sqrt(radius), 0.0)
    least = jnp.minimum(gain[None], ceiling[None] * jnp.sqrt(weight)[:, None])
    total = jnp.sum(gain)
    return jnp.where(total > 0, jnp.mean(jnp.sum(least, axis=-1)) / total, 0.0)


def _concentration(belief: Belief) -> Float[Array, ""]:
    """Sum of the squared probabilities of the codewords of a posterior."""
    return jnp.sum(belief.weights**2) + belief.crowd_square


def _clone_beliefs(
    law: RewardLaw,
    radius: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    counts: Float[Array, "kept P"],
    key: PRNGKeyArray,
) -> tuple[Float[Array, " kept"], Float[Array, " replicates"]]:
    """P(VF-MLE is right) for each data set, and concentrations of simulated posteriors of it."""
    ratio = chi2_ball_expert(law, radius).density_ratio
    transforms = step_transforms(*expert_steps(law, ratio), data_budget, _CELLS)

    def clone(inputs: tuple[Float[Array, " P"], PRNGKeyArray]):
        count, own_key = inputs
        lattice = as_likelihood(sum_of_terms(transforms, count))
        sampler = DemonstrationSampler(lattice, log2_class_size, _LISTED)
        keys = jax.random.split(own_key, _PLAYED)
        played = jax.vmap(lambda each: _concentration(posterior(sampler(each))))(keys)
        return probability_correct(lattice, log2_class_size), played

    keys = jax.random.split(key, counts.shape[0])
    correct, concentrations = jax.lax.map(clone, (counts, keys))
    return correct, jnp.minimum(concentrations.ravel(), 1.0)


def _label_beliefs(
    labels: SumLattice, log2_class_size: Float[Array, ""], key: PRNGKeyArray
) -> Float[Array, " replicates"]:
    """Concentrations of simulated version spaces."""
    sampler = LabelSampler(labels, log2_class_size, _LISTED)
    keys = jax.random.split(key, _LABELLED)
    agreed = jax.vmap(lambda each: _concentration(version_space(sampler(each))))(keys)
    return jnp.minimum(agreed, 1.0)


def repeated_prompts(law: RewardLaw) -> RewardLaw:
    """The same prompts over and again, a power of two in all: few shapes are ever compiled."""
    prompts = law.mean.shape[0]
    size = 1 << max(7, (prompts - 1).bit_length())
    index = np.arange(size) % prompts
    return RewardLaw(law.support[index], law.probabilities[index])


def trace_counts(
    law: RewardLaw, rate: Float[np.ndarray, " P"], data_budget: int, seed: int
) -> Float[Array, "kept repeated"]:
    """How many of n traces each prompt got, in data sets evenly spaced in their information.

    Args:
      law: reward laws of P prompts.
      rate: information of a trace of each prompt (nats).
      data_budget: n.
      seed: seed of the drawn data sets.

    Returns:
      Counts on the prompts of `repeated_prompts(law)`, 0 on those that are repetitions.
    """
    counts = _spread_counts(data_budget, rate, seed)
    missing = repeated_prompts(law).mean.shape[0] - rate.size
    return jnp.asarray(np.pad(counts, [(0, 0), (0, missing)]))
