"""How much of the base policy lies at or above a level: anti-concentration and coverage.

For sd > 0 and the level J*(kappa) of the chi-square expert the three notions are ordered
c <= c* <= alpha <= 1 / (1 + (J* - mean)^2 / variance).
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, as_in, xp
from verigap.theory.experts import upper_partial_moments
from verigap.theory.laws import RewardLaw


def anti_concentration(
    law: RewardLaw, margin: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts"]:
    """Share of the base policy whose return exceeds its mean by a margin: c(margin).

    c(margin) = P_base(R >= mean + sd sqrt(margin)), at most 1/(1 + margin) by Cantelli's
    inequality. A point mass has c = 1 at every margin. Source: the anti-concentration of arXiv
    2502.12118.

    Args:
      law: reward laws of the base, in tokens, of shape (*prompts, K).
      margin: at least 0, in units of the variance; a number or one a prompt.

    Returns:
      Probabilities in [0, 1], of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, anti_concentration
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(anti_concentration(law, 0.5))
      0.5
    """
    margin = xp.broadcast_to(as_in(margin, law.probabilities), law.mean.shape)
    return level_coverage(law, law.mean + law.sd * xp.sqrt(margin))


def level_slack(law: RewardLaw) -> Float[Array, "*prompts"]:
    """How far below a level a return still counts as reaching it, in tokens: rounding, no more.

    Args:
      law: reward laws of the base, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.coverage import level_slack
      >>> bool(level_slack(RewardLaw.equiprobable(np.asarray([0.0, 8.0]))) < 1e-4)
      True
    """
    relative = max(1e-9, 16 * float(xp.finfo(law.probabilities.dtype).eps))
    return xp.max(xp.abs(law.atoms), axis=-1) * relative


def level_coverage(law: RewardLaw, level: Float[Array, "*#prompts"]) -> Float[Array, "*prompts"]:
    """Share of the base policy whose return is at least `level`: P_base(R >= level).

    With the expert's value J*(kappa) as the level this is c*(kappa), which is never 0. Returns
    within 1e-9 of the largest return (16 machine epsilons in float32) below the level count as
    reaching it, because an expert value that equals an atom is computed with rounding. The result
    jumps at atoms; use `top_share_coverage` where a gradient is needed.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      level: tokens, one for all prompts or one a prompt.

    Returns:
      Probabilities in [0, 1], of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, level_coverage
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(level_coverage(law, np.asarray(6.0)))
      0.5
    """
    level = xp.broadcast_to(as_in(level, law.probabilities), law.mean.shape)
    reached = law.atoms >= (level - level_slack(law))[..., None]
    return xp.sum(xp.where(reached, law.probabilities, 0.0), axis=-1)


def top_share_coverage(
    law: RewardLaw, level: Float[Array, "*#prompts"]
) -> Float[Array, "*prompts"]:
    """Largest share alpha of the base whose best traces average at least `level`.

    By duality alpha = min(1, min_{a < level} E(R - a)_+ / (level - a)) over the atoms a. It is
    continuous in the law and the level, and no policy of density ratio below 1/alpha reaches the
    level.
    Source: docs/theory.md, Lemma 4 (beyond arXiv 2502.12118).

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      level: tokens, one for all prompts or one a prompt.

    Returns:
      Shares in [0, 1], of shape (*prompts); 0 where the level exceeds the largest return by more
      than rounding.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, top_share_coverage
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> round(float(top_share_coverage(law, np.asarray(6.0))), 3)
      0.667
    """
    dtype = law.probabilities.dtype
    top = law.maximum
    level = xp.broadcast_to(as_in(level, law.probabilities), top.shape)
    slack = xp.max(xp.abs(law.atoms), axis=-1) * 16 * float(xp.finfo(dtype).eps)
    reachable = level <= top + slack
    level = xp.minimum(level, top)[..., None]
    _, first, _ = upper_partial_moments(law)
    usable = (law.atoms < level) & (law.atoms < top[..., None])
    gap = xp.where(usable, level - law.atoms, 1.0)
    shares = xp.where(usable, first / gap, 1.0)
    return xp.where(reachable, xp.minimum(xp.min(shares, axis=-1), 1.0), 0.0)
