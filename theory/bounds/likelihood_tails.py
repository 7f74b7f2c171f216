"""How large the likelihood ratio L of the true codeword is on n expert traces.

The truncated forms of VF-LOWER split at a level T of L; what they need are upper bounds on
P_expert(L > T) and E_expert[L; L <= T] on a grid of levels. Any grid gives a valid bound.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, in_parts, no_gradient, running_logsumexp, xlogy, xp
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.bounds.bound import Setting
from verigap.theory.precision import ROUNDINGS, rounded_up

_CELLS = 1 << 12


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


def _log_rounding(
    log_probability: Float[Array, "*cells"],
    count: Float[Array, "*cells"],
    trials: Float[Array, ""],
    probability: Float[Array, ""],
) -> Float[Array, "*cells"]:
    """How far rounding may move a binomial log-probability at `count` (nats).

    Rounding the mean, or the smaller chance, moves it in proportion to the distance to the mean.
    """
    rounding = ROUNDINGS * float(xp.finfo(trials.dtype).eps)
    distance = xp.abs(count - trials * probability) / xp.maximum(1.0 - probability, rounding)
    own = xp.minimum(xp.abs(log_probability), 1e3)
    return no_gradient(rounding * (distance + own + 1.0))


def _log_chernoff(
    count: Float[Array, ""], trials: Float[Array, ""], probability: Float[Array, ""]
) -> Float[Array, ""]:
    """-n KL(count/n || p), at least ln of a binomial tail that starts at `count`, away from np.

    Inside the ends by a rounding, which can only raise it and keeps its gradient finite.
    """
    rounding = float(xp.finfo(trials.dtype).eps)
    share = xp.clip(count / trials, rounding, 1.0 - rounding)
    relative = xlogy(share, share / probability) + xlogy(
        1.0 - share, (1.0 - share) / xp.maximum(1.0 - probability, xp.finfo(share.dtype).tiny)
    )
    value = -trials * xp.maximum(relative, 0.0)
    return value + _log_rounding(value, count, trials, probability)


def _two_level_tails(setting: Setting) -> LikelihoodTails:
    """The level is the number of agreements, Binomial(n, (1 + tilt)/2) under the expert.

    The grid spans nine standard deviations about the mean. Where that is more counts than cells, a
    cell holds `stride` counts, and is given its largest probability times their number.
    """
    traces = setting.data_budget
    tilt = xp.sqrt(xp.minimum(setting.expert_radius, 1.0))
    chance = 0.5 * (1.0 + tilt)
    mean = traces * chance
    reach = 9.0 * xp.sqrt(traces * chance * (1.0 - chance)) + 2.0
    low = xp.clip(xp.floor(mean - reach), 0.0, traces)
    high = xp.clip(xp.ceil(mean + reach), 0.0, traces)
    stride = xp.maximum(xp.ceil((high - low + 1.0) / _CELLS), 1.0)
    first = low + stride * xp.arange(_CELLS, dtype=low.dtype)
    last = xp.minimum(first + stride - 1.0, traces)
    mode = xp.clip(xp.floor((traces + 1.0) * chance), first, last)
    # Binomial probabilities rise to the mode and fall after it.
    log_mass = binomial_log_pmf(mode, traces, chance) + xp.log(xp.maximum(last - first + 1.0, 1.0))
    log_mass += _log_rounding(log_mass, mode, traces, chance)
    # Finite, because the gradient of a running sum without terms is NaN.
    nothing = 0.25 * float(xp.finfo(low.dtype).min)
    log_mass = xp.where(first > traces, nothing, log_mass)
    misses = traces - last
    # At tilt 1 the expert never plays a low return, so one of them has probability 0 under it.
    penalty = xp.log1p(-xp.minimum(tilt, 1.0 - float(xp.finfo(tilt.dtype).epsneg)))
    threshold = rounded_up(last * xp.log1p(tilt)) + rounded_up(misses * penalty)
    top = first[-1] + stride
    beyond = xp.where(top > traces, nothing, _log_chernoff(top, traces, chance))
    below = xp.where(low <= 0, nothing, _log_chernoff(low - 1.0, traces, chance))
    at_least = running_logsumexp(xp.concatenate([log_mass, beyond[None]]), reverse=True)
    weighted = xp.concatenate([(below + threshold[0])[None], log_mass + threshold])
    # In logarithms, as L exceeds the range of floats and a sum that underflows is no upper bound.
    truncated = running_logsumexp(weighted)[1:]
    return LikelihoodTails(threshold, xp.minimum(at_least[1:], 0.0), truncated)


def _log_ratio_moments(
    setting: Setting, powers: Float[Array, " powers"]
) -> Float[Array, " powers"]:
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
    upper = _log_ratio_moments(setting, slopes)
    lower = _log_ratio_moments(setting, shares)
    thresholds = xp.linspace(-2.0, 2.0, 513, dtype=dtype) * (setting.log_class + 10.0)
    reached = rounded_up(-thresholds[:, None] * slopes[None, :])
    above = smallest(rounded_up(upper)[None, :] + reached)
    kept = rounded_up(thresholds[:, None] * (1.0 - shares)[None, :])
    truncated = smallest(rounded_up(lower)[None, :] + kept)
    return LikelihoodTails(thresholds, xp.minimum(above, 0.0), truncated)
