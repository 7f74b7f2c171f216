"""Shares of what learners would gain knowing the reward, in the relabelling game of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from verigap.sim.relabelling.learners.learner import Belief, posterior, version_space
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler
from verigap.theory import RewardLaw, chi2_ball_expert
from verigap.theory.arrays import Array as AnyArray
from verigap.theory.arrays import host_array, of_each, one_by_one, xp
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
# Up to so many class sizes are computed in NumPy.
_FEW = 16

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


def matching_shares(
    law: RewardLaw,
    radius: float,
    data_budget: int,
    counts: Float[np.ndarray, "kept P"],
    log2_class_sizes: Sequence[float],
    divergence: Divergence,
) -> Float[np.ndarray, " D"]:
    """P(VF-MLE is right) for several class sizes, averaged over the counts.

    Args:
      law: reward laws of the prompts, filled up by `repeated_prompts`.
      radius: of the expert.
      data_budget: n.
      counts: how many traces each prompt got, in data sets that stand for all.
      log2_class_sizes: d (bits).
      divergence: that the radius bounds.
    """
    sizes = np.asarray(log2_class_sizes, float)
    numbers = (float(radius), float(data_budget), counts, sizes)
    # A few sizes are done in NumPy before a program for them would be compiled.
    few = sizes.size <= _FEW
    matching, array = (_matching, host_array) if few else (_compiled_matching, jnp.asarray)
    radius_, data_, counts_, sizes_ = map(array, numbers)
    return np.asarray(matching(law, radius_, data_, counts_, sizes_, divergence))


def _matching(
    law: RewardLaw,
    radius: AnyArray,
    data_budget: AnyArray,
    counts: AnyArray,
    log2_class_sizes: AnyArray,
    divergence: Divergence,
) -> AnyArray:
    """`matching_shares` in NumPy or in JAX."""
    ratio = BALLS[divergence].expert(law, radius).density_ratio
    transforms = step_transforms(*expert_steps(law, ratio), data_budget, _CELLS)
    sums = sum_of_terms(transforms, counts)

    def correct(one: SumLattice) -> AnyArray:
        lattice = as_likelihood(one)
        found = of_each(
            lambda size: probability_correct(lattice, size), log2_class_sizes, inside=lattice
        )
        return xp.asarray(found)

    return xp.mean(xp.asarray(one_by_one(correct, sums)), axis=0)


_compiled_matching = jax.jit(_matching, static_argnames="divergence")


def surviving_shares(
    law: RewardLaw, data_budget: int, log2_class_sizes: Sequence[float]
) -> Float[np.ndarray, " D"]:
    """P(a random consistent reward is right) for several class sizes.

    Args:
      law: reward laws of the prompts.
      data_budget: n.
      log2_class_sizes: d (bits).
    """
    labels = label_lattice(law, host_array(data_budget), _CELLS)
    return np.asarray(
        of_each(lambda size: survivor_share(labels, size), host_array(np.asarray(log2_class_sizes)))
    )


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
    index = np.arange(_size(prompts)) % prompts
    return RewardLaw(law.support[index], law.probabilities[index])


def _size(prompts: int) -> int:
    """How many prompts there are with the repetitions."""
    return 1 << max(7, (prompts - 1).bit_length())


def trace_counts(
    rate: Float[np.ndarray, " P"], data_budget: int, seed: int
) -> Float[np.ndarray, "kept repeated"]:
    """How many of n traces each prompt got, in data sets evenly spaced in their information.

    Args:
      rate: information of a trace of each prompt (nats).
      data_budget: n.
      seed: seed of the drawn data sets.

    Returns:
      Counts on the prompts of `repeated_prompts`, 0 on those that are repetitions.
    """
    counts = _spread_counts(data_budget, rate, seed)
    return np.pad(counts, [(0, 0), (0, _size(rate.size) - rate.size)])
