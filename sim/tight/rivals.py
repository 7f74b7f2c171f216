"""Random rivals of the truth: how many of 2^d - 1 are kept by n labels, drawn and in closed form.

Whether a rival errs on a prompt, or on a trace, is a coin of its own. So given the draws that can
tell rivals from the truth, the rivals are independent and alike, and a class of any size is drawn
at the cost of one: only the number of rivals that are kept is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

_NEGLIGIBLE = 1e-16
# Counts with a smaller mean exceed 64 with probability below 1e-30.
_SMALL_MEAN = 8.0
# NumPy draws binomials of fewer trials; of more, Poisson counts with a mean of at most this differ
# with probability at most 2^-32 (Le Cam), and whoever looks at larger ones sees the same.
_MOST_TRIALS, _MOST_MEAN = 2.0**62, 2.0**30


def binomial_pmf(trials: int, chance: float) -> Float[np.ndarray, " counts"]:
    """P(Bin(trials, chance) = k) for k = 0 to trials."""
    # Late: configurations of tight games are read without JAX.
    from verigap.theory.arrays import host_array
    from verigap.theory.binomial import binomial_log_pmf

    counts = host_array(np.arange(trials + 1.0))
    return np.exp(binomial_log_pmf(counts, host_array(trials), host_array(chance)))


def excess_pmf(right: int, wrong: int, overlap: float) -> Float[np.ndarray, " places"]:
    """P(D = -wrong), ..., P(D = 0): D is how many more labels a rival misses than the truth.

    A rival errs on each draw with chance `overlap`. It then misses a right label, and explains a
    wrong one.

    Args:
      right: how many of the telling labels are right.
      wrong: how many are wrong.
      overlap: chance that a rival errs on a telling draw.
    """
    if wrong == 0:
        return np.asarray([(1.0 - overlap) ** right])
    missed, explained = binomial_pmf(right, overlap), binomial_pmf(wrong, overlap)
    return np.convolve(missed, explained[::-1])[: wrong + 1]


def kept_rivals(
    generator: np.random.Generator,
    telling: Int[np.ndarray, " replicates"],
    *,
    overlap: float,
    rivals: float,
    noise: float = 0.0,
) -> Int[np.ndarray, " replicates"]:
    """How many rivals an empirical risk minimiser keeps: those that miss fewest labels.

    The truth is kept besides where no rival misses fewer labels than it does; without noise it
    misses none, and the minimisers are the version space.

    Args:
      generator: randomness.
      telling: draws of each data set on which rivals may err.
      overlap: chance that a rival errs on a telling draw.
      rivals: 2^d - 1.
      noise: chance that a label is wrong, anew for each label.

    Returns:
      Counts, up to about 2^30 where there are more than 2^62 rivals.
    """
    wrong = generator.binomial(telling, noise) if noise > 0 else np.zeros_like(telling)
    pairs, place = np.unique(np.stack([telling, wrong]), axis=1, return_inverse=True)
    place = place.reshape(-1)
    kept = np.zeros(telling.size, int)
    for index, (draws, flipped) in enumerate(pairs.T):
        members = np.flatnonzero(place == index)
        at = excess_pmf(int(draws - flipped), int(flipped), overlap)
        kept[members] = _fewest(generator, members.size, at, rivals)
    return kept


def _fewest(
    generator: np.random.Generator, size: int, at: Float[np.ndarray, " places"], rivals: float
) -> Int[np.ndarray, " replicates"]:
    """How many rivals share the least excess, where that is not above 0; 0 where it is."""
    up_to = np.minimum(np.cumsum(at), 1.0)
    least = np.searchsorted(1.0 - _none(up_to, rivals), generator.random(size), side="right")
    kept = np.zeros(size, int)
    for place in np.unique(least[least < at.size]):
        members = np.flatnonzero(least == place)
        beyond = 1.0 - (up_to[place] - at[place])
        chance = min(at[place] / beyond, 1.0)
        kept[members] = _at_least_one(generator, members.size, rivals, float(chance))
    return kept


def _at_least_one(
    generator: np.random.Generator, size: int, rivals: float, chance: float
) -> Int[np.ndarray, " replicates"]:
    """Bin(rivals, chance) given that it is not 0."""
    if rivals * chance > _SMALL_MEAN or chance >= 1.0:
        found = np.zeros(size, int)
        while (missing := np.flatnonzero(found == 0)).size:
            found[missing] = _many(generator, missing.size, rivals, chance)
        return found
    count = np.arange(1.0, 64.0)
    with np.errstate(divide="ignore"):
        steps = np.log(np.maximum(rivals - count + 1.0, 0.0) / count * (chance / (1.0 - chance)))
    log_none = rivals * np.log1p(-chance)
    pmf = np.exp(log_none + np.cumsum(steps))
    cdf = np.cumsum(pmf) / -np.expm1(log_none)
    return 1 + np.searchsorted(cdf, generator.random(size), side="right")


def _many(
    generator: np.random.Generator, size: int, rivals: float, chance: float
) -> Int[np.ndarray, " replicates"]:
    """Bin(rivals, chance) with a mean that is not small."""
    if rivals < _MOST_TRIALS:
        return generator.binomial(int(rivals), chance, size)
    return generator.poisson(min(rivals * chance, _MOST_MEAN), size)


def chance_of_any(draws: int, telling: float, *, overlap: float, rivals: float) -> float:
    """P(some rival agrees with all of n exact labels).

    Args:
      draws: n.
      telling: chance that rivals may err on a draw.
      overlap: chance that a rival errs on a telling draw.
      rivals: 2^d - 1.
    """
    weights, counts = (np.asarray(each) for each in zip(*_likely(draws, telling), strict=True))
    return float(weights @ (1.0 - _none((1.0 - overlap) ** counts, rivals)))


def mean_power(
    draws: int, telling: float, *, overlap: float, rivals: float, noise: float = 0.0
) -> float:
    """E[overlap^S; S >= 1], S the number of rivals that an empirical risk minimiser keeps.

    This is how often all kept rivals err on a fresh telling draw, and some rival is kept.

    Args:
      draws: n.
      telling: chance that rivals may err on a draw.
      overlap: chance that a rival errs on a telling draw.
      rivals: 2^d - 1.
      noise: chance that a label is wrong, anew for each label.
    """
    total = 0.0
    for weight, count in _likely(draws, telling):
        for share, wrong in _likely(count, noise):
            at = excess_pmf(count - wrong, wrong, overlap)
            up_to = np.cumsum(at)
            # Where the least excess is at a place, all rivals are there or above it.
            erring = _none(up_to - overlap * at, rivals) - _none(up_to, rivals)
            total += weight * share * float(erring.sum())
    return total


def _none(chance: Float[np.ndarray, " places"], rivals: float) -> Float[np.ndarray, " places"]:
    """(1 - chance)^rivals, from chances that may be far below rounding."""
    with np.errstate(divide="ignore"):
        return np.exp(rivals * np.log1p(-np.minimum(chance, 1.0)))


def _likely(trials: int, chance: float) -> Iterator[tuple[float, int]]:
    """The counts of a binomial that are not negligible, each after its probability."""
    pmf = binomial_pmf(trials, chance)
    for count in np.flatnonzero(pmf > _NEGLIGIBLE):
        yield float(pmf[count]), int(count)
