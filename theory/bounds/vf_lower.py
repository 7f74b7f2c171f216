"""VF-LOWER: what cloning must lose in the relabelling game on average over codewords, in all forms.

Averaged over the 2^d codewords and the data, a learner that sees n traces of the kappa'-tilt gains
at most spread * 2^(-d/2) (1 + kappa')^(n/2) over the base. Proofs: docs/theory.md#vf-lower.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, as_in, kept, no_gradient, of_each, repeated, xp
from verigap.theory.bounds.assumptions import (
    CODEWORDS,
    EQUALLY_LIKELY,
    EXPERT_GAINS,
    INSIDE_BALL,
    RELABELLING,
    RETURNS_FIT,
    WHOLE_DATA,
)
from verigap.theory.bounds.bound import Assumption, Bound, Setting
from verigap.theory.bounds.likelihood_tails import likelihood_tails, smallest
from verigap.theory.bounds.mle_success import mle_success
from verigap.theory.experts import ceiling_radius
from verigap.theory.heterogeneity import median_heterogeneity
from verigap.theory.precision import rounded_down, rounded_up


def expert_gain(setting: Setting) -> Float[Array, ""]:
    """E_x[J*_x(kappa') - mean_x]: what the demonstrated expert earns over the base (tokens)."""
    return xp.mean(setting.expert.gain)


def unrestricted_spread(setting: Setting) -> Float[Array, ""]:
    """sqrt(E_x sigma_x^2 (K - 1)): no policy on K equiprobable traces exceeds chi^2 = K - 1."""
    traces = setting.law.probabilities.shape[-1]
    return xp.sqrt(xp.mean(setting.law.variance) * (traces - 1.0))


def log_information(setting: Setting) -> Float[Array, ""]:
    """ln[2^(-d/2) (E_x E_base w_x^2)^(n/2)]: how much of the spread n expert traces unlock.

    Rounded up.
    """
    expert = setting.expert
    growth = xp.log1p(xp.mean(expert.chi2))
    return 0.5 * (rounded_up(setting.data_budget * growth) - rounded_down(setting.log_class))


def unlocked_gain(
    spread: Float[Array, ""], log_share: Float[Array, "*levels"]
) -> Float[Array, "*levels"]:
    """spread e^log_share (tokens): the most that the data earn a learner, rounded up."""
    return rounded_up(spread * xp.exp(xp.minimum(log_share, 80.0)))


def hardest_tilt(
    setting: Setting, value: Callable[[Setting], Float[Array, ""]]
) -> Float[Array, ""]:
    """sqrt(kappa') of the expert in the kappa ball at which `value` is largest.

    A geometric grid, then a golden-section search around its best point, in logarithm, until the
    ends differ by less than 1e-4 of themselves. Any tilt gives a valid bound, so the search can
    only be loose, never wrong.
    """

    def search() -> Float[Array, ""]:
        largest = xp.sqrt(setting.chi2_radius)
        # Where the bound says something its best tilt is no smaller than about 1 / sqrt(n).
        low = 0.1 * xp.minimum(1.0 / xp.sqrt(setting.data_budget), largest)
        places = as_in(np.linspace(0.0, 1.0, _GRID), low)
        # The last one is the largest to the last digit, so that whoever compares it sees that.
        grid = xp.where(places < 1.0, low * (largest / low) ** places, largest)
        values = of_each(lambda tilt: value(setting.with_expert(tilt**2)), grid, inside=setting)
        best = xp.argmax(values)
        bracket = grid[xp.maximum(best - 1, 0)], grid[xp.minimum(best + 1, _GRID - 1)]
        tilt, reached = _golden_section(setting, value, bracket)
        return no_gradient(xp.where(reached > values[best], tilt, grid[best]))

    return kept(setting, f"hardest tilt of {value.__qualname__}", search)


_GRID = 33
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)
_NARROWINGS = 20


def _golden_section(
    setting: Setting,
    value: Callable[[Setting], Float[Array, ""]],
    bracket: tuple[Float[Array, ""], Float[Array, ""]],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The best tilt that was tried between two, evenly spaced in logarithm, and its value."""
    low, high = (xp.log(end) for end in bracket)

    def at(log_tilt: Float[Array, ""]) -> Float[Array, ""]:
        return value(setting.with_expert(xp.exp(2.0 * log_tilt)))

    def narrowed(state: _Search) -> _Search:
        low, left, right, high, at_left, at_right = state
        falls = at_left >= at_right
        low, high = xp.where(falls, low, left), xp.where(falls, right, high)
        near = _GOLDEN * (high - low)
        new = xp.where(falls, high - near, low + near)
        at_new = at(new)
        return (
            low,
            xp.where(falls, new, right),
            xp.where(falls, left, new),
            high,
            xp.where(falls, at_new, at_right),
            xp.where(falls, at_left, at_new),
        )

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    start = low, left, right, high, at(left), at(right)
    _, left, right, _, at_left, at_right = repeated(narrowed, start, _NARROWINGS, inside=setting)
    falls = at_left >= at_right
    return xp.exp(xp.where(falls, left, right)), xp.maximum(at_left, at_right)


_Search = tuple[Float[Array, ""], ...]
"""Two ends and two points between them, logarithms of tilts, and the values at the two points."""


def over_experts(
    setting: Setting, value: Callable[[Setting], Float[Array, ""]]
) -> Float[Array, ""]:
    """`value` at the demonstrated expert, or at the hardest one where the setting asks for it.

    Gradients follow the envelope theorem.
    """
    if not setting.hardest_expert:
        return value(setting)
    return value(setting.with_expert(hardest_tilt(setting, value) ** 2))


def vf_lower(setting: Setting) -> Float[Array, ""]:
    """Lower bound on the risk of every verifier-free learner, on average over codewords (VF-LOWER).

    J* - mean - spread 2^(-d/2) (1 + kappa')^(n/2) with spread = sqrt(E_x sigma_x^2 (K - 1)), and
    never below J* - E_x max R, which no policy can beat.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#vf-lower.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_lower(example_setting())), 3)
      4.646
    """

    def value(at: Setting) -> Float[Array, ""]:
        gain = rounded_down(expert_gain(at))
        floor = gain - rounded_up(xp.mean(at.law.headroom))
        unlocked = unlocked_gain(unrestricted_spread(at), log_information(at))
        return xp.maximum(gain - unlocked, floor)

    return over_experts(setting, value)


def vf_lower_proper(setting: Setting) -> Float[Array, ""]:
    """Lower bound on the mean risk of learners that play codewords' tilts (VF-LOWER-PROPER).

    (J* - mean)(1 - P_c), where P_c is the probability that maximum likelihood picks the true
    codeword, rounded up, or an upper bound on it (`mle_success`). VF-MLE attains it.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vf-lower-proper.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_lower_proper(example_setting())), 3)
      6.241
    """

    def value(at: Setting) -> Float[Array, ""]:
        return rounded_down(expert_gain(at) * rounded_down(1.0 - mle_success(at)))

    return over_experts(setting, value)


def vf_lower_median(setting: Setting) -> Float[Array, ""]:
    """VF-LOWER with the expert's gain written as sqrt(kappa') median(sigma_x)/2 (VF-LOWER-MEDIAN).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#vf-lower-median.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_lower_median(example_setting())), 3)
      1.446
    """

    def value(at: Setting) -> Float[Array, ""]:
        typical = 0.5 * xp.sqrt(at.expert_radius) * median_heterogeneity(at.law.sd)
        typical = rounded_down(typical)
        floor = typical - rounded_up(xp.mean(at.law.headroom))
        unlocked = unlocked_gain(unrestricted_spread(at), log_information(at))
        return xp.maximum(typical - unlocked, floor)

    return over_experts(setting, value)


def vf_lower_sharp(setting: Setting) -> Float[Array, ""]:
    """VF-LOWER with the likelihood ratio L truncated at the best level T (VF-LOWER-SHARP).

    It subtracts min_T {spread 2^(-d/2) sqrt(E_expert[L; L <= T]) + (max R - mean) P_expert(L > T)},
    and is better than VF-LOWER by a factor sqrt(2) in the limit.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#vf-lower-sharp.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_lower_sharp(example_setting())), 3)
      4.663
    """

    def value(at: Setting) -> Float[Array, ""]:
        _, log_above, log_truncated = likelihood_tails(at)
        room = rounded_up(xp.mean(at.law.headroom))
        spread = unrestricted_spread(at)
        unlocked = unlocked_gain(spread, 0.5 * (log_truncated - rounded_down(at.log_class)))
        cost = smallest(unlocked + rounded_up(room * xp.exp(log_above)))
        whole = unlocked_gain(spread, log_information(at))
        return rounded_down(expert_gain(at)) - xp.minimum(xp.minimum(cost, whole), room)

    return over_experts(setting, value)


def vf_lower_probability(setting: Setting) -> Float[Array, ""]:
    """Upper bound on P(risk <= 0), the probability that a learner matches the expert.

    The better of a bound by Markov's inequality and one by a truncated likelihood ratio
    (VF-LOWER-PROBABILITY).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      A probability in (0, 1], a scalar.

    Proof: docs/theory.md#vf-lower-probability.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_lower_probability(example_setting())), 3)
      0.238
    """
    thresholds, log_above, _ = likelihood_tails(setting)
    relative = rounded_up(unrestricted_spread(setting) / expert_gain(setting))
    plain = unlocked_gain(relative, log_information(setting))
    log_second = thresholds + 2.0 * xp.log(relative) - rounded_down(setting.log_class)
    log_second = rounded_up(xp.minimum(log_second, 80.0))
    truncated = smallest(rounded_up(xp.exp(log_above) + xp.exp(log_second)))
    # A number that underflows to 0 would be no upper bound on the probability.
    smallest_number = float(xp.finfo(relative.dtype).tiny)
    return xp.minimum(xp.minimum(plain, truncated) + smallest_number, 1.0)


def _ceiling_attained(setting: Setting) -> Bool[Array, ""]:
    return xp.all(setting.expert_radius <= ceiling_radius(setting.law) * (1.0 + 1e-6))


_GAME = (
    RELABELLING,
    EQUALLY_LIKELY,
    WHOLE_DATA,
    CODEWORDS,
    RETURNS_FIT,
    EXPERT_GAINS,
    INSIDE_BALL,
)
_ANY_LEARNER = ("vf-bayes", "vf-mle", "vf-posterior-sampling")
_PROPER = ("vf-mle", "vf-posterior-sampling")

VF_LOWER = Bound(
    name="VF-LOWER",
    title="every verifier-free learner, on average over codewords",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge \mathbb{E}_x[J^*_x(\kappa')-\mu_x]"
        r"-\sqrt{\mathbb{E}_x\sigma_x^2(K-1)}\;2^{-d/2}(1+\kappa')^{n/2}"
    ),
    source="beyond [S25] (rate: [S25])",
    side="verifier-free",
    quantity="risk",
    direction="lower",
    statistic="mean",
    learners=_ANY_LEARNER,
    assumptions=_GAME,
    value=vf_lower,
)

VF_LOWER_PROPER = Bound(
    name="VF-LOWER-PROPER",
    title="learners that play policies of the class, on average over codewords: the risk of MLE",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge \mathbb{E}_x[J^*_x(\kappa')-\mu_x]\,(1-P_c),"
        r"\quad P_c=P(\text{MLE picks the true codeword})"
    ),
    source="beyond [S25]",
    side="verifier-free",
    quantity="risk",
    direction="lower",
    statistic="mean",
    learners=_PROPER,
    assumptions=_GAME,
    value=vf_lower_proper,
)

VF_LOWER_MEDIAN = Bound(
    name="VF-LOWER-MEDIAN",
    title="VF-LOWER in terms of the median heterogeneity over prompts",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge \tfrac12\sqrt{\kappa'}\,\mathrm{med}_x\,\sigma_x"
        r"-\sqrt{\mathbb{E}_x\sigma_x^2(K-1)}\;2^{-d/2}(1+\kappa')^{n/2}"
    ),
    source="[S25] (form), constants beyond",
    side="verifier-free",
    quantity="risk",
    direction="lower",
    statistic="mean",
    learners=_ANY_LEARNER,
    assumptions=(
        *_GAME,
        Assumption("kappa' <= sigma^2/(mu - R_min)^2: the ceiling is attained", _ceiling_attained),
    ),
    value=vf_lower_median,
)

VF_LOWER_SHARP = Bound(
    name="VF-LOWER-SHARP",
    title="VF-LOWER with the leading constant improved by sqrt 2",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge J^*(\kappa')-\mu-\min_T\{\sigma\sqrt{K-1}\,2^{-d/2}"
        r"\sqrt{\mathbb{E}_{\pi_e}[L;L\le T]}+(R_{\max}-\mu)P_{\pi_e}(L>T)\}"
    ),
    source="beyond [S25]",
    side="verifier-free",
    quantity="risk",
    direction="lower",
    statistic="mean",
    learners=_ANY_LEARNER,
    assumptions=_GAME,
    value=vf_lower_sharp,
)

VF_LOWER_PROBABILITY = Bound(
    name="VF-LOWER-PROBABILITY",
    title="how likely a verifier-free learner is to match the expert",
    statement=(
        r"P(J(\hat\pi)\ge J(\pi_e))\le\min\{\tfrac{1}{s}\sqrt{K-1}\,2^{-d/2}(1+\kappa')^{n/2},"
        r"\ \inf_\gamma[P_{\pi_e}(\ln L>\gamma)+e^\gamma\tfrac{K-1}{s^2 2^d}]\},\ "
        r"s=(J^*(\kappa')-\mu)/\sigma"
    ),
    source="beyond [S25]",
    side="verifier-free",
    quantity="matching",
    direction="upper",
    statistic="exceedance",
    learners=_PROPER,
    assumptions=_GAME,
    value=vf_lower_probability,
)
