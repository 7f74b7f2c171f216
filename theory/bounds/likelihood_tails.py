"""How large the likelihood ratio L of the true codeword is on n expert traces.

The truncated forms of VF-LOWER split at a level T of L; what they need are upper bounds on
P_expert(L > T) and E_expert[L; L <= T] on a grid of levels. Any grid gives a valid bound.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, in_parts, running_logsumexp, xp
from verigap.theory.bounds.agreements import agreement_cells
from verigap.theory.bounds.bound import Setting
from verigap.theory.precision import rounded_up


class LikelihoodTails(NamedTuple):
    """Upper bounds on the tails of L under the expert, on a grid of levels T.

    Attributes:
      threshold: ln T, nats.
      log_above: at least ln P(L > T).
      log_truncated: at least ln E[L; L <= T].
    """

    threshold: Float[Array, " thresholds"]
    log_above: Float[Array, " thresholds"]
    log_truncated: Float[Array, " thresholds"]


def likelihood_tails(setting: Setting) -> LikelihoodTails:
    """Exact or nearly so for the two-level game on one prompt, Chernoff's bounds for other laws."""
    if setting.law.probabilities.shape == (1, 2):
        return _two_level_tails(setting)
    return _chernoff_tails(setting)


def smallest(values: Float[Array, "*rows n"]) -> Float[Array, "*rows"]:
    """The minimum over the last axis, of which the gradient is that of the first smallest entry.

    The gradient of `xp.min` divides by the number of entries equal to the minimum, and a compiler
    that computes the entries twice may round them apart and find none: then it is NaN.
    """
    index = xp.argmin(values, axis=-1, keepdims=True)
    return xp.take_along_axis(values, index, axis=-1)[..., 0]


def _two_level_tails(setting: Setting) -> LikelihoodTails:
    """From the cells of `agreements`, with the largest L of each as its level."""
    cells = agreement_cells(setting)
    at_least = running_logsumexp(
        xp.concatenate([cells.log_expert, cells.log_beyond[None]]), reverse=True
    )
    below = (cells.log_below + cells.log_ratio[0])[None]
    weighted = xp.concatenate([below, cells.log_expert + cells.log_ratio])
    # In logarithms, as L exceeds the range of floats and a sum that underflows is no upper bound.
    truncated = running_logsumexp(weighted)[1:]
    return LikelihoodTails(cells.log_ratio, xp.minimum(at_least[1:], 0.0), truncated)


def log_ratio_moments(setting: Setting, powers: Float[Array, " powers"]) -> Float[Array, " powers"]:
    """n ln E_expert[w^s] for every power s (nats), rounded up.

    Through w^s - 1, as the logarithm of a weak expert's moment is tiny and n may be large.
    """
    expert = setting.expert
    charged = expert.density_ratio > 0
    log_ratio = xp.log1p(xp.where(charged, expert.ratio_excess, 0.0))
    mass = xp.where(charged, setting.law.probabilities * expert.density_ratio, 0.0)
    law = (mass, log_ratio)
    moments = in_parts(lambda some: _log_moments(*law, some), powers, mass.size, inside=law)
    return setting.data_budget * moments


def _log_moments(
    mass: Float[Array, "prompts K"],
    log_ratio: Float[Array, "prompts K"],
    powers: Float[Array, " powers"],
) -> Float[Array, " powers"]:
    """ln of the mean over prompts of sum mass e^(power log_ratio), for masses that sum to one."""
    excess = xp.expm1(powers[:, None, None] * log_ratio[None])
    return xp.log1p(xp.sum(rounded_up(mass[None] * excess), axis=(1, 2)) / mass.shape[0])


def _chernoff_tails(setting: Setting) -> LikelihoodTails:
    dtype = setting.law.probabilities.dtype
    slopes = xp.concatenate([xp.zeros(1, dtype), xp.geomspace(1e-3, 30.0, 96, dtype=dtype)])
    shares = xp.linspace(0.0, 1.0, 65, dtype=dtype)
    upper = log_ratio_moments(setting, slopes)
    lower = log_ratio_moments(setting, shares)
    thresholds = xp.linspace(-2.0, 2.0, 513, dtype=dtype) * (setting.log_class + 10.0)
    reached = rounded_up(-thresholds[:, None] * slopes[None, :])
    above = smallest(rounded_up(upper)[None, :] + reached)
    kept = rounded_up(thresholds[:, None] * (1.0 - shares)[None, :])
    truncated = smallest(rounded_up(lower)[None, :] + kept)
    return LikelihoodTails(thresholds, xp.minimum(above, 0.0), truncated)
