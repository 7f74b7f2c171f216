"""SEPARATION: verifier-based minus verifier-free value, guaranteed on the relabelling game.

Proofs: docs/theory.md#separation and docs/theory.md#separation-linear.
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Assumption, Bound, Setting
from verigap.theory.bounds.vb_upper import VB_UPPER_EXPECTATION, vb_upper_expectation
from verigap.theory.bounds.vf_lower import (
    VF_LOWER,
    VF_LOWER_PROPER,
    log_information,
    unlocked_gain,
    unrestricted_spread,
    vf_lower,
    vf_lower_proper,
)
from verigap.theory.precision import rounded_down, rounded_up

_QUARTER = 1.3862943611198906


def separation(setting: Setting) -> Float[Array, ""]:
    """Lower bound on how much more pessimism earns than any verifier-free learner (SEPARATION).

    VF-LOWER minus VB-UPPER-EXPECTATION at the same expert.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation(example_setting())), 3)
      -13.99
    """
    return vf_lower(setting) - vb_upper_expectation(setting)


def separation_proper(setting: Setting) -> Float[Array, ""]:
    """SEPARATION from learners that play a codeword's tilt (SEPARATION-PROPER).

    VF-LOWER-PROPER minus VB-UPPER-EXPECTATION at the same expert.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation-proper.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation_proper(example_setting())), 3)
      -12.586
    """
    return vf_lower_proper(setting) - vb_upper_expectation(setting)


def weak_expert(setting: Setting) -> Setting:
    """The setting with demonstrations weak enough for the linear separation.

    When the expert is free, kappa' = (2^d/16)^(1/n) - 1 is the largest radius that still leaves
    2^(-d/2) (1 + kappa')^(n/2) <= 1/4.
    """
    if not setting.hardest_expert:
        return setting
    spare = xp.maximum(setting.log_class - 2.0 * _QUARTER, 0.0) / setting.data_budget
    radius = xp.minimum(xp.expm1(xp.minimum(spare, 50.0)), setting.chi2_radius)
    return replace(setting.with_expert(radius), hardest_expert=False)


def separation_linear(setting: Setting) -> Float[Array, ""]:
    """SEPARATION from learners that see weak demonstrations, linear in H (SEPARATION-LINEAR).

    J*(kappa) - mean - spread 2^(-d/2) (1 + kappa')^(n/2) - (H/c0)(ln class + 1)/n: the
    verifier-based learner aims at the best of the kappa ball, the verifier-free one sees only the
    kappa'-tilt. It is 3H/8 - 2(d ln 2 + 1)H/n for the two-level law with sigma = H/2.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation-linear.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation_linear(example_setting())), 3)
      11.61
    """
    at = weak_expert(setting)
    best = at.best
    target = rounded_down(xp.mean(best.gain))
    unlocked = unlocked_gain(unrestricted_spread(at), log_information(at))
    unlocked = xp.minimum(unlocked, rounded_up(xp.mean(at.law.headroom)))
    return target - unlocked - vb_upper_expectation(at)


def _shared(*bounds: Bound) -> tuple[Assumption, ...]:
    """The assumptions of several bounds, each once."""
    return tuple({a.text: a for bound in bounds for a in bound.assumptions}.values())


SEPARATION = Bound(
    name="SEPARATION",
    title="verification beats every verifier-free learner by at least this",
    statement=(
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge \text{VF-LOWER}(\kappa')"
        r"-\frac{H}{c_0}\frac{\ln|\mathcal{R}|+1}{n}"
    ),
    source="[S25] (rate), constants beyond",
    side="both",
    quantity="gap",
    direction="lower",
    statistic="mean",
    learners=("vf-bayes", "vb-pessimism"),
    assumptions=_shared(VF_LOWER, VB_UPPER_EXPECTATION),
    value=separation,
)

SEPARATION_PROPER = Bound(
    name="SEPARATION-PROPER",
    title="verification beats every proper verifier-free learner, at any n",
    statement=(
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge \text{VF-LOWER-PROPER}(\kappa')"
        r"-\frac{H}{c_0}\frac{\ln|\mathcal{R}|+1}{n}"
    ),
    source="beyond [S25]",
    side="both",
    quantity="gap",
    direction="lower",
    statistic="mean",
    learners=("vf-mle", "vb-pessimism"),
    assumptions=_shared(VF_LOWER_PROPER, VB_UPPER_EXPECTATION),
    value=separation_proper,
)

SEPARATION_LINEAR = Bound(
    name="SEPARATION-LINEAR",
    title="against weak demonstrations the separation is linear in H",
    statement=(
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge J^*(\kappa)-\mu-\sigma\sqrt{K-1}\,"
        r"2^{-d/2}(1+\kappa')^{n/2}-\frac{H}{c_0}\frac{\ln|\mathcal{R}|+1}{n}"
    ),
    source="beyond [S25]",
    side="both",
    quantity="gap",
    direction="lower",
    statistic="mean",
    learners=("vf-bayes", "vb-pessimism"),
    assumptions=(
        *_shared(VF_LOWER, VB_UPPER_EXPECTATION),
        Assumption(
            "2^(-d/2)(1 + kappa')^(n/2) <= 1/4: the demonstrations are weak",
            lambda s: log_information(weak_expert(s)) <= -_QUARTER + 1e-6,
        ),
    ),
    value=separation_linear,
)
