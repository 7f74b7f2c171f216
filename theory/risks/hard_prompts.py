"""Exact risks on the VB-LOWER instance: rare prompts, each hiding one bit about its reward."""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp


def hard_prompt_mass(data_budget: Float[Array, ""], coverage: Float[Array, ""]) -> Float[Array, ""]:
    """Probability a = 1/(2c(n+1)) of one hard prompt, the hardest for verification.

    Args:
      data_budget: n, traces, at least 1.
      coverage: c in (0, 1/2].

    Returns:
      A probability, a scalar.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.risks import hard_prompt_mass
      >>> round(float(hard_prompt_mass(np.asarray(320.0), np.asarray(0.1))), 5)
      0.01558
    """
    return 0.5 / (coverage * (data_budget + 1.0))


def hard_prompts_vb_risk(
    horizon: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    coverage: Float[Array, ""],
    prompt_mass: Float[Array, ""],
) -> Float[Array, ""]:
    """Bayes risk d a (H/2)(1 - 2ca)^n of any verifier-based learner on the hard prompts.

    A labelled base trace tells a prompt's bit only if it lands on that prompt (mass a) and in one
    of its two trace sets (base mass c each).

    Args:
      horizon: H, tokens.
      data_budget: n, traces.
      log2_class_size: d, also the number of hard prompts.
      coverage: c in (0, 1/2].
      prompt_mass: a, of one hard prompt.

    Returns:
      Tokens, a scalar.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.risks import hard_prompt_mass, hard_prompts_vb_risk
      >>> horizon, n, d, coverage = (np.asarray(x) for x in (16.0, 320.0, 8.0, 0.1))
      >>> mass = hard_prompt_mass(n, coverage)
      >>> round(float(hard_prompts_vb_risk(horizon, n, d, coverage, mass)), 3)
      0.367
    """
    silent = xp.exp(data_budget * xp.log1p(-2.0 * coverage * prompt_mass))
    return log2_class_size * prompt_mass * 0.5 * horizon * silent


def hard_prompts_vf_risk(
    horizon: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    prompt_mass: Float[Array, ""],
) -> Float[Array, ""]:
    """Risk d a (H/2)(1 - a)^n of cloning on the hard prompts.

    One demonstration of a prompt gives its bit away.

    Args:
      horizon: H, tokens.
      data_budget: n, traces.
      log2_class_size: d, also the number of hard prompts.
      prompt_mass: a, of one hard prompt.

    Returns:
      Tokens, a scalar.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.risks import hard_prompt_mass, hard_prompts_vf_risk
      >>> horizon, n, d, coverage = (np.asarray(x) for x in (16.0, 320.0, 8.0, 0.1))
      >>> mass = hard_prompt_mass(n, coverage)
      >>> round(float(hard_prompts_vf_risk(horizon, n, d, mass)), 4)
      0.0066
    """
    unseen = xp.exp(data_budget * xp.log1p(-prompt_mass))
    return log2_class_size * prompt_mass * 0.5 * horizon * unseen
