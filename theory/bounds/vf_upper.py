"""VF-UPPER: log-loss cloning of n expert traces is never far from the expert.

Proof and discussion: docs/theory.md#vf-upper.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, no_gradient, repeated, xp
from verigap.theory.bounds.assumptions import (
    DELTA,
    EXPERT_MOMENTS,
    REALISABLE_POLICY,
    RETURNS_FIT,
    WHOLE_CLASS,
    WHOLE_DATA,
)
from verigap.theory.bounds.bound import Bound, Setting
from verigap.theory.experts import safe_sqrt
from verigap.theory.precision import rounds_up


def hellinger_budget(setting: Setting) -> Float[Array, ""]:
    """v = 1 - (delta/(class - 1))^(2/n): squared sine of the angle that MLE can be off by."""
    return -xp.expm1(-2.0 * setting.log_rivals_over_delta / setting.data_budget)


@rounds_up
def vf_upper(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk of log-loss cloning, except with probability delta (VF-UPPER).

    2 sigma_e sqrt(v) + mu_e^max v with v = 1 - (delta/(class - 1))^(2/n).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vf-upper.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_upper(example_setting())), 3)
      45.656
    """
    budget = hellinger_budget(setting)
    return 2.0 * setting.expert_sd * safe_sqrt(budget) + setting.expert_mean_max * budget


def _loss_at(setting: Setting, share: Float[Array, ""]) -> Float[Array, ""]:
    """g(s) = 2 sigma_e sqrt(s (1 - s)) + mu_e^max s, tokens: loss at a squared sine of s."""
    spread = 2.0 * setting.expert_sd * safe_sqrt(share * (1.0 - share))
    return spread + setting.expert_mean_max * share


def _most_up_to(setting: Setting, share: Float[Array, ""]) -> Float[Array, ""]:
    """max of g over [0, share]; g rises to its peak and falls after it."""
    mean, sd = setting.expert_mean_max, setting.expert_sd
    length = safe_sqrt(mean**2 + 4.0 * sd**2)
    peak = 0.5 + 0.5 * mean / xp.where(length > 0, length, 1.0)
    return _loss_at(setting, xp.minimum(share, peak))


def _worst_alone(setting: Setting) -> Float[Array, ""]:
    """The share s at which g(s) (1 - s)^(n/2) is largest.

    In r = sqrt(s / (1 - s)) it is the positive root of a cubic, convex there, which Newton's steps
    reach from above. An error of s moves the largest value by its square.
    """
    n = setting.data_budget
    scale = setting.expert_sd + setting.expert_mean_max
    scale = xp.where(scale > 0, scale, 1.0)
    sd, mean = setting.expert_sd / scale, setting.expert_mean_max / scale

    def step(root: Float[Array, ""]) -> Float[Array, ""]:
        value = (n * mean * root + 2.0 * (n + 1.0) * sd) * root**2 - 2.0 * mean * root - 2.0 * sd
        slope = (3.0 * n * mean * root + 4.0 * (n + 1.0) * sd) * root - 2.0 * mean
        return root - value / xp.where(slope > 0, slope, 1.0)

    root = repeated(step, xp.sqrt(2.0 / n) + 0.0 * scale, 12, inside=setting)
    return no_gradient(root**2 / (1.0 + root**2))


@rounds_up
def vf_upper_expectation(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of log-loss cloning (VF-UPPER-EXPECTATION).

    min_t {t + (class - 1) max_s (g(s) - t)_+ (1 - s)^(n/2)}, in closed form, with
    g(s) = 2 sigma_e sqrt(s (1 - s)) + mu_e^max s, and never above mu_e^max.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vf-upper-expectation.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vf_upper_expectation(example_setting())), 3)
      35.134
    """
    half = 0.5 * setting.data_budget
    alone = _worst_alone(setting)
    several = -xp.expm1(-xp.maximum(setting.log_rivals, 0.0) / half)
    few = xp.exp(xp.minimum(setting.log_rivals + half * xp.log1p(-alone), 0.0))
    value = xp.where(several > alone, _most_up_to(setting, several), few * _loss_at(setting, alone))
    return xp.minimum(value, setting.expert_mean_max)


VF_UPPER = Bound(
    name="VF-UPPER",
    title="log-loss cloning over a finite class",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le 2\sigma_e\sqrt{v}+\mu_e^{\max}v,\quad "
        r"v=1-(\tfrac{\delta}{|\Pi|-1})^{2/n}\quad\text{w.p. }\ge 1-\delta"
    ),
    source="[F24] and [S25], constants beyond",
    side="verifier-free",
    quantity="risk",
    direction="upper",
    statistic="exceedance",
    learners=("vf-mle",),
    assumptions=(
        WHOLE_DATA,
        WHOLE_CLASS,
        RETURNS_FIT,
        REALISABLE_POLICY,
        EXPERT_MOMENTS,
        DELTA,
    ),
    value=vf_upper,
)

VF_UPPER_EXPECTATION = Bound(
    name="VF-UPPER-EXPECTATION",
    title="log-loss cloning over a finite class, on average",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le\min_t\{t+(|\Pi|-1)\max_s(g(s)-t)_+(1-s)^{n/2}\},"
        r"\quad g(s)=2\sigma_e\sqrt{s(1-s)}+\mu_e^{\max}s"
    ),
    source="beyond [S25] and [F24]",
    side="verifier-free",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vf-mle",),
    assumptions=(WHOLE_DATA, WHOLE_CLASS, RETURNS_FIT, REALISABLE_POLICY, EXPERT_MOMENTS),
    value=vf_upper_expectation,
)
