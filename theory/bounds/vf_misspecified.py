"""VF-UPPER-MISSPECIFIED: log-loss cloning over a class that misses the expert.

Proof: docs/theory.md#vf-upper-misspecified.
"""

from __future__ import annotations

import math

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, no_gradient, repeated, xp
from verigap.theory.bounds.assumptions import (
    DELTA,
    EXPERT_MOMENTS,
    MISSPECIFIED_POLICY,
    RETURNS_FIT,
    WHOLE_CLASS,
    WHOLE_DATA,
)
from verigap.theory.bounds.bound import Bound, Setting
from verigap.theory.experts import safe_sqrt
from verigap.theory.precision import rounds_up

_LEAST_SHARE = 1e-12
_LN2 = math.log(2.0)


def _share_for_the_miss(log_miss: Float[Array, ""]) -> Float[Array, ""]:
    """Share of delta spent on the best member's own likelihood, in (0, 1/3), that is best.

    At the least bound 2 s/(1 - s) = sqrt(x/(x + 4 s)), x = ((1 + chi^2)^n - 1)/delta; the left
    side rises with s and the right one falls, so that it is found by bisection.
    """
    reciprocal = xp.exp(-xp.clip(log_miss, -80.0, 80.0))

    def step(ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        below = 2.0 * middle / (1.0 - middle) < (1.0 + 4.0 * middle * reciprocal) ** -0.5
        return xp.where(below, middle, low), xp.where(below, high, middle)

    ends = (0.0 * reciprocal + _LEAST_SHARE, 0.0 * reciprocal + 1.0 / 3.0)
    # An error of the share moves the bound by its square.
    return no_gradient(repeated(step, ends, 26, inside=log_miss)[0])


def _log_of_miss(setting: Setting) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether the class misses the expert, and ln(((1 + chi^2)^n - 1)/delta), 0 where not."""
    misses = setting.misspecification > 0
    growth = setting.data_budget * xp.log1p(xp.where(misses, setting.misspecification, 1.0))
    # ln(e^g - 1), for large g too.
    log_excess = growth + xp.log(-xp.expm1(-growth))
    return misses, xp.where(misses, log_excess - xp.log(setting.failure_probability), 0.0)


def misspecified_budget(setting: Setting) -> Float[Array, ""]:
    """v: squared sine of the angle between the expert and a likeliest member, except with delta.

    1 - exp(-2 L/n), L = ln((class - 1)/delta_2) + asinh(sqrt(((1 + chi^2)^n - 1)/delta_1)/2) for
    the best split delta_1 + delta_2 = delta; chi^2 is the misspecification. 2 L/n tends to
    ln(1 + chi^2) as n grows, and L is that of VF-UPPER where the class holds the expert.
    """
    misses, log_miss = _log_of_miss(setting)
    share = xp.where(misses, _share_for_the_miss(log_miss), 0.0)
    log_root = 0.5 * (log_miss - xp.log(xp.where(misses, share, 1.0))) - _LN2
    large = log_root > 0
    tall = xp.where(large, log_root, 0.0)
    own = xp.where(
        large,
        tall + xp.log1p(xp.sqrt(1.0 + xp.exp(-2.0 * tall))),
        xp.arcsinh(xp.exp(xp.where(large, 0.0, log_root))),
    )
    rivals = xp.maximum(setting.log_rivals_over_delta - xp.log1p(-share), 0.0)
    return -xp.expm1(-2.0 * (rivals + xp.where(misses, own, 0.0)) / setting.data_budget)


@rounds_up
def vf_upper_misspecified(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk of log-loss cloning over a class without the expert, w.p. 1 - delta.

    2 sigma_e sqrt(v) + mu_e^max v with v of `misspecified_budget` (VF-UPPER-MISSPECIFIED).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vf-upper-misspecified.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_upper_misspecified(example_setting(misspecification=0.01))), 3)
      50.428
    """
    budget = misspecified_budget(setting)
    return 2.0 * setting.expert_sd * safe_sqrt(budget) + setting.expert_mean_max * budget


VF_UPPER_MISSPECIFIED = Bound(
    name="VF-UPPER-MISSPECIFIED",
    title="log-loss cloning over a finite class that misses the expert",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le 2\sigma_e\sqrt{v}+\mu_e^{\max}v,\quad v=1-e^{-2L/n},\quad "
        r"L=\ln\tfrac{|\Pi|-1}{\delta_2}+\operatorname{arsinh}\tfrac12"
        r"\sqrt{\tfrac{(1+\chi^2)^n-1}{\delta_1}},\quad"
        r"\delta_1+\delta_2=\delta\quad\text{w.p. }\ge 1-\delta"
    ),
    source="[F24] (term ln(1 + chi^2)), constants beyond",
    side="verifier-free",
    quantity="risk",
    direction="upper",
    statistic="exceedance",
    learners=("vf-mle",),
    assumptions=(
        WHOLE_DATA,
        WHOLE_CLASS,
        RETURNS_FIT,
        MISSPECIFIED_POLICY,
        EXPERT_MOMENTS,
        DELTA,
    ),
    value=vf_upper_misspecified,
)
