"""How large the likelihood ratio L of the true codeword is on n expert traces.

The truncated forms of VF-LOWER split at a level T of L; what they need are upper bounds on
P_expert(L > T) and E_expert[L; L <= T] on a grid of levels. Any grid gives a valid bound.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import xlogy
from jaxtyping import Array, Float

from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.bounds.bound import Setting
from verigap.theory.experts import chi2_ball_expert
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

    The gradient of `jnp.min` divides by the number of entries equal to the minimum, and a compiler
    that computes the entries twice may round them apart and find none: then it is NaN.
    """
    index = jnp.argmin(values, axis=-1, keepdims=True)
    return jnp.take_along_axis(values, index, axis=-1)[..., 0]


def _log_rounding(
    log_probability: Float[Array, "*cells"],
    count: Float[Array, "*cells"],
    trials: Float[Array, ""],
    probability: Float[Array, ""],
) -> Float[Array, "*cells"]:
    """How far rounding may move a binomial log-probability at `count` (nats).

    Rounding the mean, or the smaller chance, moves it in proportion to the distance to the mean.
    """
    rounding = ROUNDINGS * float(jnp.finfo(trials.dtype).eps)
    distance = jnp.abs(count - trials * probability) / jnp.maximum(1.0 - probability, rounding)
    own = jnp.minimum(jnp.abs(log_probability), 1e3)
    return lax.stop_gradient(rounding * (distance + own + 1.0))


def _log_chernoff(
    count: Float[Array, ""], trials: Float[Array, ""], probability: Float[Array, ""]
) -> Float[Array, ""]:
    """-n KL(count/n || p), at least ln of a binomial tail that starts at `count`, away from np.

    Inside the ends by a rounding, which can only raise it and keeps its gradient finite.
    """
    rounding = float(jnp.finfo(trials.dtype).eps)
    share = jnp.clip(count / trials, rounding, 1.0 - rounding)
    relative = xlogy(share, share / probability) + xlogy(
        1.0 - share, (1.0 - share) / jnp.maximum(1.0 - probability, jnp.finfo(share.dtype).tiny)
    )
    value = -trials * jnp.maximum(relative, 0.0)
    return value + _log_rounding(value, count, trials, probability)


def _two_level_tails(setting: Setting) -> LikelihoodTails:
    """The level is the number of agreements, Binomial(n, (1 + tilt)/2) under the expert.

    The grid spans nine standard deviations about the mean. Where that is more counts than cells, a
    cell holds `stride` counts, and is given its largest probability times their number.
    """
    traces = setting.data_budget
    tilt = jnp.sqrt(jnp.minimum(setting.expert_radius, 1.0))
    chance = 0.5 * (1.0 + tilt)
    mean = traces * chance
    reach = 9.0 * jnp.sqrt(traces * chance * (1.0 - chance)) + 2.0
    low = jnp.clip(jnp.floor(mean - reach), 0.0, traces)
    high = jnp.clip(jnp.ceil(mean + reach), 0.0, traces)
    stride = jnp.maximum(jnp.ceil((high - low + 1.0) / _CELLS), 1.0)
    first = low + stride * jnp.arange(_CELLS, dtype=low.dtype)
    last = jnp.minimum(first + stride - 1.0, traces)
    mode = jnp.clip(jnp.floor((traces + 1.0) * chance), first, last)
    # Binomial probabilities rise to the mode and fall after it.
    log_mass = binomial_log_pmf(mode, traces, chance) + jnp.log(
        jnp.maximum(last - first + 1.0, 1.0)
    )
    log_mass += _log_rounding(log_mass, mode, traces, chance)
    # Finite, because the gradient of a running sum without terms is NaN.
    nothing = 0.25 * float(jnp.finfo(low.dtype).min)
    log_mass = jnp.where(first > traces, nothing, log_mass)
    misses = traces - last
    # At tilt 1 the expert never plays a low return, so one of them has probability 0 under it.
    penalty = jnp.log1p(-jnp.minimum(tilt, 1.0 - float(jnp.finfo(tilt.dtype).epsneg)))
    threshold = rounded_up(last * jnp.log1p(tilt)) + rounded_up(misses * penalty)
    top = first[-1] + stride
    beyond = jnp.where(top > traces, nothing, _log_chernoff(top, traces, chance))
    below = jnp.where(low <= 0, nothing, _log_chernoff(low - 1.0, traces, chance))
    at_least = lax.cumlogsumexp(jnp.concatenate([log_mass, beyond[None]]), reverse=True)
    weighted = jnp.concatenate([(below + threshold[0])[None], log_mass + threshold])
    # In logarithms, as L exceeds the range of floats and a sum that underflows is no upper bound.
    truncated = lax.cumlogsumexp(weighted)[1:]
    return LikelihoodTails(threshold, jnp.minimum(at_least[1:], 0.0), truncated)


def _log_ratio_moments(
    setting: Setting, powers: Float[Array, " powers"]
) -> Float[Array, " powers"]:
    """n ln E_expert[w^s] for every power s (nats), rounded up.

    Through w^s - 1, as the logarithm of a weak expert's moment is tiny and n may be large.
    """
    expert = chi2_ball_expert(setting.law, setting.expert_radius)
    charged = expert.density_ratio > 0
    log_ratio = jnp.log1p(jnp.where(charged, expert.ratio_excess, 0.0))
    mass = jnp.where(charged, setting.law.probabilities * expert.density_ratio, 0.0)
    prompts = mass.shape[0]

    def moment(power: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.log1p(jnp.sum(rounded_up(mass * jnp.expm1(power * log_ratio))) / prompts)

    return setting.data_budget * jax.vmap(moment)(powers)


def _chernoff_tails(setting: Setting) -> LikelihoodTails:
    dtype = setting.law.probabilities.dtype
    slopes = jnp.concatenate([jnp.zeros(1, dtype), jnp.geomspace(1e-3, 30.0, 96, dtype=dtype)])
    shares = jnp.linspace(0.0, 1.0, 65, dtype=dtype)
    upper = _log_ratio_moments(setting, slopes)
    lower = _log_ratio_moments(setting, shares)
    thresholds = jnp.linspace(-2.0, 2.0, 513, dtype=dtype) * (setting.log_class + 10.0)
    reached = rounded_up(-thresholds[:, None] * slopes[None, :])
    above = smallest(rounded_up(upper)[None, :] + reached)
    kept = rounded_up(thresholds[:, None] * (1.0 - shares)[None, :])
    truncated = smallest(rounded_up(lower)[None, :] + kept)
    return LikelihoodTails(thresholds, jnp.minimum(above, 0.0), truncated)
