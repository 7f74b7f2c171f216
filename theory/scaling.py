"""Scaling: exponents, the budgets where one side overtakes the other, and the phase frontier."""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Setting
from verigap.theory.bounds.vb_upper import vb_upper
from verigap.theory.bounds.vf_upper import hellinger_budget, vf_upper


def scaling_exponent(
    budgets: Float[Array, " points"], values: Float[Array, " points"]
) -> Float[Array, ""]:
    """Least-squares slope of ln(values) against ln(budgets).

    Args:
      budgets: above 0, at least two of them different, of shape (points,).
      values: above 0, of shape (points,).

    Returns:
      The exponent, a scalar; NaN where a value is not positive.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import scaling_exponent
      >>> budgets = jnp.asarray([1.0, 4.0, 16.0])
      >>> round(float(scaling_exponent(budgets, jnp.sqrt(budgets))), 3)
      0.5
    """
    x, y = xp.log(budgets), xp.log(values)
    x = x - xp.mean(x)
    return xp.sum(x * (y - xp.mean(y))) / xp.sum(x**2)


def crossover(advantage: Callable[[int], float], low: int = 1, high: int = 1 << 30) -> int | None:
    """Smallest budget in [low, high] at which a non-decreasing `advantage` turns positive.

    It gives H* when `advantage` is the separation along n(H), and n* when it is, say,
    P(correct) - 1/2 along n. It runs on the host, with about log2(high) evaluations.

    Args:
      advantage: of a whole budget, non-decreasing.
      low: first budget, at least 1.
      high: last budget.

    Returns:
      The budget, or None if `advantage` is still not positive at `high`.

    Raises:
      ValueError: unless 1 <= low <= high.

    Example:
      >>> from verigap.theory import crossover
      >>> crossover(lambda n: n - 10.5)
      11
    """
    if not 1 <= low <= high:
        raise ValueError(f"crossover: needs 1 <= low <= high, not low {low} and high {high}")
    probe = low
    while probe < high and not advantage(probe) > 0:
        low, probe = probe + 1, min(2 * probe, high)
    if not advantage(probe) > 0:
        return None
    high = probe
    while low < high:
        middle = (low + high) // 2
        if advantage(middle) > 0:
            high = middle
        else:
            low = middle + 1
    return high


def cloning_data_budget(log2_class_size: float, divergence: float) -> float:
    """n at which cloning learns the codeword: d ln 2 / KL(expert || base), divergence in nats."""
    return math.log(2.0) * log2_class_size / divergence


def verification_data_budget(log2_class_size: float, label_entropy: float) -> float:
    """n at which labels single out the codeword: d ln 2 / entropy of the reward law, in nats."""
    return math.log(2.0) * log2_class_size / label_entropy


def homogeneity_frontier(setting: Setting) -> Float[Array, ""]:
    """Expert sd at which VF-UPPER equals VB-UPPER; below it cloning has the better bound.

    Solves 2 sigma_e sqrt(v) + mu_e^max v = VB-UPPER for sigma_e. Source:
    docs/theory.md#when-vf-wins.

    Args:
      setting: one setting, without batch axes.

    Returns:
      Tokens; negative when the bound on cloning is worse even for a perfectly homogeneous expert.

    Example:
      >>> from verigap.theory import homogeneity_frontier
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(homogeneity_frontier(example_setting())), 2)
      8.52
    """
    budget = hellinger_budget(setting)
    return (vb_upper(setting) - setting.expert_mean_max * budget) / (2.0 * xp.sqrt(budget))


def coverage_frontier(setting: Setting) -> Float[Array, ""]:
    """Coverage c0 at which VB-UPPER equals VF-UPPER; below it cloning has the smaller bound.

    VB-UPPER is inversely proportional to c0, so its value at the setting's own coverage tells the
    frontier. Source: docs/theory.md#when-vf-wins.

    Args:
      setting: one setting, without batch axes.

    Returns:
      A coverage above 0; above 1 where no base is covered well enough.

    Example:
      >>> from verigap.theory import coverage_frontier
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(coverage_frontier(example_setting())), 3)
      0.227
    """
    return setting.coverage * vb_upper(setting) / vf_upper(setting)
