"""How wrong the worst rival is that n labels have not refuted: docs/theory.md#lemma-5.

A rival errs on a share e of the base draws, so it survives n labels with probability (1 - e)^n.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Setting


def expected_worst_error(
    log_rivals: Float[Array, "*cells"], traces: Float[Array, "*cells"]
) -> Float[Array, "*cells"]:
    """phi: at least the mean error of the worst surviving rival, whatever the rivals' errors.

    With m rivals it is 1 - m^(-1/n), or m n^n/(n+1)^(n+1) where m < (1 + 1/n)^n, which one rival
    of error 1/(n+1) attains.

    Args:
      log_rivals: ln m, nats.
      traces: n > 0.

    Returns:
      A share in [0, 1].

    Example:
      >>> import numpy as np
      >>> float(expected_worst_error(np.asarray(0.0), np.asarray(1.0)))
      0.25
    """
    growth = traces * xp.log1p(1.0 / traces)
    few = xp.minimum(log_rivals, growth)
    many = xp.maximum(log_rivals, growth)
    alone = xp.exp(few - growth - xp.log1p(traces))
    return xp.where(log_rivals < growth, alone, -xp.expm1(-many / traces))


def worst_error_at_confidence(setting: Setting) -> Float[Array, ""]:
    """1 - (delta/m)^(1/n): no surviving rival errs more often, except with probability delta."""
    return -xp.expm1(-setting.log_rivals_over_delta / setting.data_budget)


def worst_error(setting: Setting) -> Float[Array, ""]:
    """phi of the setting's class and number of labels."""
    return expected_worst_error(setting.log_rivals, setting.data_budget)
