"""SEPARATION: verifier-based minus verifier-free value, guaranteed on the relabelling game.

Proofs: docs/theory.md#separation and docs/theory.md#separation-linear.
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Assumption, Bound, Setting
from verigap.theory.bounds.mle_success import mle_success
from verigap.theory.bounds.vb_upper import VB_UPPER_EXPECTATION
from verigap.theory.bounds.vf_lower import (
    VF_LOWER,
    VF_LOWER_PROPER,
    expert_gain,
    log_information,
    over_experts,
    unlocked_gain,
    unrestricted_spread,
)
from verigap.theory.precision import rounded_down, rounded_up

_QUARTER = 1.3862943611198906


def log_collision(setting: Setting) -> Float[Array, ""]:
    """ln E_x P(two base traces of a prompt have the same return), nats, rounded up.

    This is how often a wrong codeword agrees with a label. Returns that differ by rounding alone
    count as the same.
    """
    law = setting.law
    scale = 16.0 * float(xp.finfo(law.probabilities.dtype).eps) * xp.max(xp.abs(law.atoms))
    differ = xp.abs(law.atoms[..., :, None] - law.atoms[..., None, :]) > scale
    pairs = law.probabilities[..., :, None] * law.probabilities[..., None, :]
    told = xp.mean(xp.sum(xp.where(differ, pairs, 0.0), axis=(-2, -1)))
    return rounded_up(xp.log1p(-xp.minimum(rounded_down(told), 1.0 - 1e-6)))


def label_share(setting: Setting) -> Float[Array, ""]:
    """1/(1 + (class - 1) q^n) with q = exp(log_collision): at least E[1/(survivors)], rounded down.

    What pessimism earns with n labels, at least, as a share of what it earns from the true
    codeword alone.
    """
    survivors = rounded_up(setting.log_rivals) + setting.data_budget * log_collision(setting)
    return rounded_down(xp.exp(-xp.logaddexp(xp.zeros_like(survivors), rounded_up(survivors))))


def most_cloned(setting: Setting) -> Float[Array, ""]:
    """At least what any verifier-free learner gains over the base on average (tokens)."""
    unlocked = unlocked_gain(unrestricted_spread(setting), log_information(setting))
    return xp.minimum(unlocked, rounded_up(xp.mean(setting.law.headroom)))


def separation(setting: Setting) -> Float[Array, ""]:
    """Lower bound on how much more pessimism earns than any verifier-free learner (SEPARATION).

    (J* - mean)/(1 + (class - 1) q^n) - spread 2^(-d/2) (1 + kappa')^(n/2), where q is the chance
    that two base traces of a prompt have the same return, and J* the value of the expert that
    demonstrates.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation(example_setting())), 3)
      4.646
    """

    def value(at: Setting) -> Float[Array, ""]:
        return rounded_down(rounded_down(expert_gain(at)) * label_share(at)) - most_cloned(at)

    return over_experts(setting, value)


def separation_proper(setting: Setting) -> Float[Array, ""]:
    """SEPARATION from learners that play codewords' tilts (SEPARATION-PROPER).

    (J* - mean)(1/(1 + (class - 1) q^n) - P_c), P_c the probability that maximum likelihood picks
    the true codeword.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation-proper.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation_proper(example_setting())), 3)
      6.241
    """

    def value(at: Setting) -> Float[Array, ""]:
        lead = label_share(at) - mle_success(at)
        return rounded_down(expert_gain(at) * lead)

    return over_experts(setting, value)


def weak_expert(setting: Setting) -> Setting:
    """The setting with demonstrations weak enough for the linear separation.

    When the expert is free, it is the one of the largest radius that still leaves
    2^(-d/2) (E w^2)^(n/2) <= 1/4: in a chi-square ball that of kappa' = (2^d/16)^(1/n) - 1.
    """
    if not setting.hardest_expert:
        return setting
    spare = xp.maximum(setting.log_class - 2.0 * _QUARTER, 0.0) / setting.data_budget
    most = setting.ball.radius_within_chi2(setting.law, xp.expm1(xp.minimum(spare, 50.0)))
    radius = xp.minimum(most, setting.class_radius)
    return replace(setting.with_expert(radius), hardest_expert=False)


def separation_linear(setting: Setting) -> Float[Array, ""]:
    """SEPARATION from learners that see weak demonstrations, linear in H (SEPARATION-LINEAR).

    (J*(kappa) - mean)/(1 + (class - 1) q^n) - spread 2^(-d/2) (1 + kappa')^(n/2): the
    verifier-based learner aims at the best of the kappa ball, the verifier-free one sees only the
    kappa'-tilt. It tends to 3H/8 or more for the two-level law with sigma = H/2.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar; negative where the bound says nothing.

    Proof: docs/theory.md#separation-linear.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(separation_linear(example_setting())), 3)
      30.246
    """
    at = weak_expert(setting)
    target = rounded_down(xp.mean(at.best.gain))
    return rounded_down(target * label_share(at)) - most_cloned(at)


def _shared(*bounds: Bound) -> tuple[Assumption, ...]:
    """The assumptions of several bounds, each once."""
    return tuple({a.text: a for bound in bounds for a in bound.assumptions}.values())


SEPARATION = Bound(
    name="SEPARATION",
    title="verification beats every verifier-free learner by this, on average over codewords",
    statement=(
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge "
        r"\frac{J^*(\kappa')-\mu}{1+(2^d-1)q^n}-\sigma\sqrt{K-1}\,2^{-d/2}(1+\kappa')^{n/2},"
        r"\quad q=\sum_r P(r)^2"
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
    title="verification beats learners that play policies of the class, on average over codewords",
    statement=(
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge (J^*(\kappa')-\mu)"
        r"\Bigl(\frac1{1+(2^d-1)q^n}-P_c\Bigr)"
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
        r"\mathbb{E}[J(\hat\pi_{VB})-J(\hat\pi_{VF})]\ge "
        r"\frac{J^*(\kappa)-\mu}{1+(2^d-1)q^n}-\sigma\sqrt{K-1}\,2^{-d/2}(1+\kappa')^{n/2}"
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
