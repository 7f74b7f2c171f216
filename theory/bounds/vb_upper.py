"""VB-UPPER: n labelled base traces are enough for a verifier-based learner.

All forms change measure from the base to a policy of bounded density ratio. Proofs:
docs/theory.md#vb-upper.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.assumptions import (
    COVERAGE,
    COVERED,
    DELTA,
    ERRING_LABELS,
    EXACT_LABELS,
    INSIDE_BALL,
    NO_NOISE,
    REALISABLE_REWARD,
    RESOLVED,
    RETURNS_FIT,
    SAME_LEVEL,
    WHOLE_CLASS,
    WHOLE_DATA,
    WHOLE_DRAWS,
)
from verigap.theory.bounds.bound import Bound, Setting
from verigap.theory.bounds.survivors import worst_error, worst_error_at_confidence
from verigap.theory.coverage import level_coverage
from verigap.theory.experts import safe_sqrt
from verigap.theory.precision import rounds_up


def conditional_coverage(setting: Setting) -> Float[Array, ""]:
    """min_x P_base(R >= J*_x(kappa)): coverage of the conditional policy, at most c0."""
    best = setting.best
    return xp.min(level_coverage(setting.law, best.value))


@rounds_up
def vb_upper(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk of pessimism, except with probability delta (VB-UPPER).

    (H/c0) (1 - (delta/(class - 1))^(1/n)).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper(example_setting())), 3)
      20.739
    """
    return setting.horizon / setting.coverage * worst_error_at_confidence(setting)


@rounds_up
def vb_upper_expectation(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of pessimism (VB-UPPER-EXPECTATION): (H/c0) phi.

    phi is the mean error of the worst surviving rival (`survivors.expected_worst_error`).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-expectation.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_expectation(example_setting())), 3)
      15.599
    """
    return setting.horizon / setting.coverage * worst_error(setting)


@rounds_up
def vb_upper_plug_in(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of conditioning on any consistent reward (VB-UPPER-PLUG-IN).

    (H/c*) phi, where c* is the coverage of the conditional policy.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-plug-in.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_plug_in(example_setting())), 3)
      15.599
    """
    return setting.horizon / conditional_coverage(setting) * worst_error(setting)


@rounds_up
def vb_upper_best_of_n(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of best-of-N with any consistent reward (VB-UPPER-BEST-OF-N).

    max(1/c0, N) H phi + H (1 - c0)^N: an error of the reward counts under two
    policies, whose density ratios to the base are at most 1/c0 and N.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-best-of-n.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_best_of_n(example_setting(num_candidates=4.0))), 3)
      35.199
    """
    learning = _best_of_n_ratio(setting) * worst_error(setting)
    return setting.horizon * (learning + missing_every_draw(setting))


def _best_of_n_ratio(setting: Setting) -> Float[Array, ""]:
    """max(1/c0, N): how much an error of the reward weighs for best-of-N."""
    return xp.maximum(1.0 / setting.coverage, setting.num_candidates)


def missing_every_draw(setting: Setting) -> Float[Array, ""]:
    """(1 - c0)^N: the chance that no draw stands for the comparison policy."""
    missing = xp.exp(setting.num_candidates * xp.log1p(-xp.minimum(setting.coverage, 1.0 - 1e-12)))
    return xp.where(setting.coverage >= 1.0, 0.0, missing)


@rounds_up
def vb_upper_errors(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of pessimism with labels that err (VB-UPPER-ERRORS).

    (H/c0) (phi + eta), where eta is the base probability that a label is wrong. A
    trace always gets the same label, so its error repeats.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-errors.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_errors(example_setting(label_error=0.1))), 3)
      28.399
    """
    wrong = worst_error(setting) + setting.label_error
    return setting.horizon / setting.coverage * wrong


@rounds_up
def vb_upper_errors_best_of_n(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk of best-of-N with labels that err (VB-UPPER-ERRORS-BEST-OF-N).

    max(1/c0, N) H (phi + eta) + H (1 - c0)^N.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-errors-best-of-n.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> setting = example_setting(num_candidates=4.0, label_error=0.1)
      >>> round(float(vb_upper_errors_best_of_n(setting)), 3)
      60.799
    """
    wrong = _best_of_n_ratio(setting) * (worst_error(setting) + setting.label_error)
    return setting.horizon * (wrong + missing_every_draw(setting))


@rounds_up
def vb_upper_squared(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk with the squared-loss version space, except with probability delta.

    H sqrt((1 - (delta/(class - 1))^(1/n)) / c0) (VB-UPPER-SQUARED).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-squared.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_squared(example_setting())), 3)
      36.432
    """
    return setting.horizon * safe_sqrt(worst_error_at_confidence(setting) / setting.coverage)


_VERSION_SPACE = (
    WHOLE_DATA,
    WHOLE_CLASS,
    RETURNS_FIT,
    RESOLVED,
    INSIDE_BALL,
    REALISABLE_REWARD,
)
COVERED_CLASS = (*_VERSION_SPACE, COVERAGE, COVERED)
_EXACT = (*COVERED_CLASS, EXACT_LABELS)
_ERRING = (*COVERED_CLASS, ERRING_LABELS, NO_NOISE)

VB_UPPER = Bound(
    name="VB-UPPER",
    title="version space + pessimism",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le \frac{H}{c_0}\Bigl(1-\bigl(\tfrac{\delta}{|\mathcal{R}|-1}"
        r"\bigr)^{1/n}\Bigr)"
        r"\quad\forall\pi_e\in\Pi_\kappa\quad\text{w.p. }\ge 1-\delta"
    ),
    source="[S25] (rate), statement and constants beyond",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="exceedance",
    learners=("vb-pessimism",),
    assumptions=(*_EXACT, DELTA),
    value=vb_upper,
)

VB_UPPER_EXPECTATION = Bound(
    name="VB-UPPER-EXPECTATION",
    title="version space + pessimism, on average",
    statement=r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le \frac{H}{c_0}\,\varphi(|\mathcal{R}|,n)",
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-pessimism",),
    assumptions=_EXACT,
    value=vb_upper_expectation,
)

VB_UPPER_PLUG_IN = Bound(
    name="VB-UPPER-PLUG-IN",
    title="conditional policy of any consistent reward",
    statement=r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le \frac{H}{c^*}\,\varphi(|\mathcal{R}|,n)",
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-plug-in",),
    assumptions=(*_VERSION_SPACE, SAME_LEVEL, EXACT_LABELS),
    value=vb_upper_plug_in,
)

VB_UPPER_BEST_OF_N = Bound(
    name="VB-UPPER-BEST-OF-N",
    title="best-of-N with any consistent reward",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le \max\Bigl(\frac1{c_0},N\Bigr)H\,"
        r"\varphi(|\mathcal{R}|,n)+H(1-c_0)^N"
    ),
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-best-of-n",),
    assumptions=(*_EXACT, WHOLE_DRAWS),
    value=vb_upper_best_of_n,
)

VB_UPPER_SQUARED = Bound(
    name="VB-UPPER-SQUARED",
    title="squared-loss version space + pessimism",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le H\sqrt{\frac1{c_0}\Bigl(1-\bigl(\tfrac{\delta}{|\mathcal{R}|-1}"
        r"\bigr)^{1/n}\Bigr)}"
        r"\quad\text{w.p. }\ge 1-\delta"
    ),
    source="[S25] (general algorithm), constants beyond",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="exceedance",
    learners=("vb-pessimism",),
    assumptions=(*_EXACT, DELTA),
    value=vb_upper_squared,
)

VB_UPPER_ERRORS = Bound(
    name="VB-UPPER-ERRORS",
    title="version space + pessimism with labels of an imperfect check",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le "
        r"\frac{H}{c_0}\bigl(\varphi(|\mathcal{R}|,n)+\eta\bigr)"
    ),
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-pessimism",),
    assumptions=_ERRING,
    value=vb_upper_errors,
)

VB_UPPER_ERRORS_BEST_OF_N = Bound(
    name="VB-UPPER-ERRORS-BEST-OF-N",
    title="best-of-N with any reward consistent with an imperfect check",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le \max\Bigl(\frac1{c_0},N\Bigr)H"
        r"\bigl(\varphi(|\mathcal{R}|,n)+\eta\bigr)+H(1-c_0)^N"
    ),
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-best-of-n",),
    assumptions=(*_ERRING, WHOLE_DRAWS),
    value=vb_upper_errors_best_of_n,
)
