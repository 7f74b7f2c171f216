"""VB-UPPER-MEAN-SQUARE: a reward estimate whose mean square error under the base is known.

Rates: Huang et al., arXiv 2503.21878. Constants and proofs: docs/theory.md#vb-upper-mean-square.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.assumptions import (
    COVERAGE,
    COVERED,
    ESTIMATED_REWARD,
    INSIDE_BALL,
    RESOLVED,
    RETURNS_FIT,
    WHOLE_DRAWS,
)
from verigap.theory.bounds.bound import Bound, Setting
from verigap.theory.bounds.vb_upper import missing_every_draw
from verigap.theory.experts import safe_sqrt
from verigap.theory.precision import rounds_up


def comparison_radius(setting: Setting) -> Float[Array, ""]:
    """min(kappa, 1/c0 - 1): a chi-square radius within which some policy matches every expert.

    The best expert lies in the ball of radius kappa; the best c0-share of the base is at least as
    good and lies in the ball of radius 1/c0 - 1. A KL ball bounds no chi-square distance: there it
    is the second alone.
    """
    share = 1.0 / setting.coverage - 1.0
    return xp.minimum(setting.class_radius, share) if setting.divergence == "chi2" else share


@rounds_up
def vb_upper_mean_square(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk of pessimism with a reward estimate (VB-UPPER-MEAN-SQUARE).

    epsilon_R sqrt(min(kappa, 1/c0 - 1)) for the policy that maximises its estimated value less
    epsilon_R / (2 sqrt(radius)) times its chi-square distance from the base, on every prompt
    (`theory.policies.chi2_penalised_policy`).

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-mean-square.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_mean_square(example_setting(reward_error=8.0))), 3)
      8.0
    """
    return setting.reward_error * safe_sqrt(comparison_radius(setting))


@rounds_up
def vb_upper_mean_square_best_of_n(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the risk of best-of-N by a reward estimate (VB-UPPER-MEAN-SQUARE-BEST-OF-N).

    epsilon_R sqrt(1/c0 + N^2/(2N - 1) - 2 c0^(N - 1)) + H (1 - c0)^N: the root is the largest
    distance, in L^2 of the base, of best-of-N from a policy of density ratio at most 1/c0.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-upper-mean-square-best-of-n.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> setting = example_setting(num_candidates=8.0, reward_error=8.0)
      >>> round(float(vb_upper_mean_square_best_of_n(setting)), 3)
      20.252
    """
    draws, coverage = setting.num_candidates, setting.coverage
    # The same sum in terms that are not negative.
    overlap = -2.0 * xp.expm1((draws - 1.0) * xp.log(coverage))
    apart = 1.0 / coverage - 1.0 + (draws - 1.0) ** 2 / (2.0 * draws - 1.0) + overlap
    learning = setting.reward_error * safe_sqrt(apart)
    return learning + setting.horizon * missing_every_draw(setting)


_ESTIMATED = (RETURNS_FIT, RESOLVED, INSIDE_BALL, COVERAGE, COVERED, ESTIMATED_REWARD)

VB_UPPER_MEAN_SQUARE = Bound(
    name="VB-UPPER-MEAN-SQUARE",
    title="chi-square pessimism with a reward estimate of known mean square error",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le\epsilon_R\sqrt{\min(\kappa,\tfrac1{c_0}-1)}"
        r"\quad\forall\pi_e\in\Pi_\kappa"
    ),
    source="rate Huang et al., arXiv 2503.21878; constant beyond",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-pessimism",),
    assumptions=_ESTIMATED,
    value=vb_upper_mean_square,
)

VB_UPPER_MEAN_SQUARE_BEST_OF_N = Bound(
    name="VB-UPPER-MEAN-SQUARE-BEST-OF-N",
    title="best-of-N by a reward estimate of known mean square error",
    statement=(
        r"J(\pi_e)-J(\hat\pi)\le\epsilon_R\sqrt{\tfrac1{c_0}+\tfrac{N^2}{2N-1}-2c_0^{N-1}}"
        r"+H(1-c_0)^N"
    ),
    source="rate Huang et al., arXiv 2503.21878; constant beyond",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-best-of-n",),
    assumptions=(*_ESTIMATED, WHOLE_DRAWS),
    value=vb_upper_mean_square_best_of_n,
)
