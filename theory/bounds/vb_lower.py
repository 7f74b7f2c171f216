"""VB-LOWER: H ln(class)/(c n) is necessary for verification, up to a constant.

Proof: docs/theory.md#vb-lower. The instance's exact risks are in `theory.risks.hard_prompts`.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array
from verigap.theory.bounds.assumptions import (
    EXACT_LABELS,
    HARD_INSTANCE,
    HARD_PROMPTS,
    WHOLE_DATA,
)
from verigap.theory.bounds.bound import Assumption, Bound, Setting
from verigap.theory.precision import rounds_down

_E = 2.718281828459045


@rounds_down
def vb_lower(setting: Setting) -> Float[Array, ""]:
    """Lower bound on the Bayes risk of every verifier-based learner on the hard prompts (VB-LOWER).

    H d / (4 e c (n + 1)), where d is also the number of hard prompts.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0.

    Proof: docs/theory.md#vb-lower.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_lower(example_setting())), 3)
      2.173
    """
    traces = setting.coverage * (setting.data_budget + 1.0)
    return setting.horizon * setting.log2_class_size / (4.0 * _E * traces)


VB_LOWER = Bound(
    name="VB-LOWER",
    title="every verifier-based learner, on rare prompts that hide one bit each",
    statement=r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge \frac{H\log_2|\mathcal{R}|}{4e\,c\,(n+1)}",
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="lower",
    statistic="mean",
    learners=("vb-hard-prompts",),
    assumptions=(
        HARD_INSTANCE,
        WHOLE_DATA,
        HARD_PROMPTS,
        EXACT_LABELS,
        Assumption("0 < c <= 1/2", lambda s: (s.coverage > 0) & (s.coverage <= 0.5)),
        Assumption(
            "d/(2c(n+1)) <= 1: the hard prompts fit into the prompt law",
            lambda s: s.log2_class_size <= 2.0 * s.coverage * (s.data_budget + 1.0),
        ),
    ),
    value=vb_lower,
)
