"""VF-UPPER: log-loss cloning of n expert traces is never far from the expert.

Proof and discussion: docs/theory.md#vf-upper.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
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
    refuted = xp.maximum(setting.log_rivals - xp.log(setting.failure_probability), 0.0)
    return -xp.expm1(-2.0 * refuted / setting.data_budget)


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
