"""The best policy in a chi-square ball around the base (Lemmas 2 and 3)."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, as_in, kept, xp
from verigap.theory.laws import RewardLaw


class Expert(NamedTuple):
    """The best member of a chi-square ball on each prompt.

    Attributes:
      value: its expected return J*, in tokens.
      gain: J* - mean >= 0, in tokens, right to a few roundings of itself.
      density_ratio: d expert / d base on every atom of the law; 0 on atoms of probability 0.
      ratio_excess: density_ratio - 1, computed without the difference.
      chi2: E_base[(ratio - 1)^2], by which likelihood ratios grow with each trace.
      sd: standard deviation of the return under the expert, in tokens.
    """

    value: Float[Array, "*prompts"]
    gain: Float[Array, "*prompts"]
    density_ratio: Float[Array, "*prompts K"]
    ratio_excess: Float[Array, "*prompts K"]
    chi2: Float[Array, "*prompts"]
    sd: Float[Array, "*prompts"]


def safe_sqrt(x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Square root of max(x, 0) whose gradient is 0, not infinite, at x <= 0."""
    positive = x > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, x, 1.0)), 0.0)


def upper_partial_moments(
    law: RewardLaw,
) -> tuple[Float[Array, "*prompts K"], Float[Array, "*prompts K"], Float[Array, "*prompts K"]]:
    """P(R > a), E(R - a)_+ and E(R - a)_+^2 at every atom a, built from sums of positive terms."""
    at_least = xp.flip(xp.cumsum(xp.flip(law.probabilities, axis=-1), axis=-1), axis=-1)
    nothing = xp.zeros_like(at_least[..., :1])
    above = xp.concatenate([at_least[..., 1:], nothing], axis=-1)
    step = xp.diff(law.atoms, axis=-1)

    first = _suffix_sums(step * above[..., :-1], nothing)
    second = _suffix_sums(2.0 * step * first[..., 1:] + step**2 * above[..., :-1], nothing)
    return above, first, second


def _suffix_sums(
    terms: Float[Array, "*prompts J"], nothing: Float[Array, "*prompts 1"]
) -> Float[Array, "*prompts K"]:
    """Sums of the last entries: of all first, of none in the end."""
    sums = xp.flip(xp.cumsum(xp.flip(terms, axis=-1), axis=-1), axis=-1)
    return xp.concatenate([sums, nothing], axis=-1)


def _radius_to_exclude(law: RewardLaw) -> Float[Array, "*prompts K"]:
    """1 + the chi-square radius from which on an atom is not active; infinite at the largest."""
    _, first, second = upper_partial_moments(law)
    reached = first > 0
    return xp.where(reached, second, xp.inf) / xp.where(reached, first**2, 1.0)


def chi2_ball_expert(law: RewardLaw, chi2_radius: Float[Array, "*#prompts"] | float) -> Expert:
    """Best policy with chi^2(policy || base) <= kappa on every prompt (Lemma 3).

    The optimal ratio is w = b (R - a)_+. On the active set {R > a}, of mass P, conditional mean m
    and conditional variance v, the two constraints solve in closed form: w = (1 + t (R - m)) / P
    with t = sqrt((P (1 + kappa) - 1) / v), and J* = m + sqrt(v (P (1 + kappa) - 1)). Which atoms
    are active follows from comparing 1 + kappa with the increasing E(R - a)_+^2 / (E(R - a)_+)^2 at
    every atom. At or above kappa = 1/P(R = max) - 1 the ratio is 1{R = max} / P(R = max).
    Source: docs/theory.md, Lemma 3 (beyond arXiv 2502.12118).

    Args:
      law: reward laws of the base, in tokens, of shape (*prompts, K).
      chi2_radius: kappa, at least 0; a number or one a prompt.

    Returns:
      The expert's value, gain, density ratio, chi-square distance and standard deviation a prompt.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, chi2_ball_expert
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> expert = chi2_ball_expert(law, 0.25)
      >>> float(expert.value), expert.density_ratio.tolist()
      (6.0, [0.5, 1.5])
    """
    radius = xp.broadcast_to(as_in(chi2_radius, law.probabilities), law.mean.shape)
    # Whoever looks for a radius asks for many experts of one law.
    needed = kept(law, "radius to exclude", lambda: _radius_to_exclude(law))
    active = ~(needed <= 1.0 + radius[..., None])
    mass = xp.where(active, law.probabilities, 0.0)
    total = xp.sum(mass, axis=-1)
    # Centring at the maximum keeps point masses exactly at zero variance.
    offset = xp.where(mass > 0, law.atoms - law.maximum[..., None], 0.0)
    mean_offset = xp.sum(mass * offset, axis=-1) / total
    centred = xp.where(mass > 0, offset - mean_offset[..., None], 0.0)
    variance = xp.sum(mass * centred**2, axis=-1) / total
    # P (1 + kappa) - 1, written so that it is kappa without rounding when every atom is active, as
    # the value adds its root. The active set is a suffix, so only rounding makes it negative.
    idle = xp.sum(xp.where(active, 0.0, law.probabilities), axis=-1)
    slack = xp.where(variance > 0, xp.maximum(total * radius - idle, 0.0), 0.0)
    slope = safe_sqrt(slack / xp.where(variance > 0, variance, 1.0))
    tilt = xp.maximum(1.0 + slope[..., None] * centred, 0.0)
    ratio = xp.where(mass > 0, tilt / total[..., None], 0.0)
    value = law.maximum + mean_offset + safe_sqrt(variance * slack)
    gain = _conditioning_gain(law, active, mass, total) + safe_sqrt(variance * slack)
    # (1 + t c) / P - 1 without the difference.
    excess = (xp.maximum(slope[..., None] * centred, -1.0) + idle[..., None]) / total[..., None]
    excess = xp.where(mass > 0, excess, -1.0)
    chi2 = xp.sum(law.probabilities * excess**2, axis=-1)
    gap = law.atoms - value[..., None]
    sd = safe_sqrt(xp.sum(law.probabilities * ratio * gap**2, axis=-1))
    return Expert(value, gain, ratio, excess, chi2, sd)


def _conditioning_gain(
    law: RewardLaw,
    active: Bool[Array, "*prompts K"],
    mass: Float[Array, "*prompts K"],
    total: Float[Array, "*prompts"],
) -> Float[Array, "*prompts"]:
    """E[R | active] - E[R], for an upper set of atoms of probability `total`: terms >= 0 only.

    With b the lowest active return it is P(idle) E[R - b | active] + E[(b - R) 1{idle}].
    """
    charged = law.probabilities > 0
    lowest = xp.min(xp.where(mass > 0, law.atoms, xp.inf), axis=-1)[..., None]
    idle = xp.where(active, 0.0, law.probabilities)
    above = xp.sum(mass * xp.where(mass > 0, law.atoms - lowest, 0.0), axis=-1) / total
    below = xp.sum(idle * xp.where(~active & charged, lowest - law.atoms, 0.0), axis=-1)
    return xp.sum(idle, axis=-1) * above + below


def chi2_ceiling(law: RewardLaw, chi2_radius: float) -> Float[Array, "*prompts"]:
    """Ceiling mean + sd sqrt(kappa) on the value of every policy of the chi-square ball (Lemma 2).

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      chi2_radius: kappa, at least 0.

    Returns:
      Tokens, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, chi2_ceiling
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(chi2_ceiling(law, 0.25))
      6.0
    """
    return law.mean + law.sd * chi2_radius**0.5


def ceiling_radius(law: RewardLaw) -> Float[Array, "*prompts"]:
    """Largest kappa at which the ceiling of Lemma 2 is attained: variance / (mean - minimum)^2.

    Args:
      law: reward laws of the base, of shape (*prompts, K).

    Returns:
      Chi-square radii above 0, of shape (*prompts); infinite for a point mass, whose ceiling is its
      value at every radius.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, ceiling_radius
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(ceiling_radius(law))
      1.0
    """
    drop = law.mean - law.minimum
    positive = drop > 0
    return xp.where(positive, law.variance / xp.where(positive, drop, 1.0) ** 2, xp.inf)


def saturation_radius(law: RewardLaw) -> Float[Array, "*prompts"]:
    """Radius kappa = 1/P(R = max) - 1, from which on the expert plays only the best return.

    Args:
      law: reward laws of the base, of shape (*prompts, K).

    Returns:
      Chi-square radii of at least 0, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, saturation_radius
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(saturation_radius(law))
      1.0
    """
    at_top = (law.atoms == law.maximum[..., None]) & (law.probabilities > 0)
    return 1.0 / xp.sum(xp.where(at_top, law.probabilities, 0.0), axis=-1) - 1.0
