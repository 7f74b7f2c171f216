"""How noisy labels may be before cloning from as many demonstrations is ahead, exactly.

In the relabelling game, with all-or-nothing returns of one prompt. Source:
docs/theory.md#labels-that-are-wrong-by-chance (beyond arXiv 2502.12118).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Int

from verigap.theory.divergences import kl_divergence
from verigap.theory.frontier.crossings import Crossings, solve_crossings
from verigap.theory.risks.noisy_labels import noisy_label_information, noisy_label_share
from verigap.theory.risks.same_leash import all_or_nothing, leashed_shares


def exact_noise_frontier(
    success: float,
    expert_success: float,
    data_budgets: Int[np.ndarray, " points"],
    log2_class_size: float,
    *,
    level: float = 0.0,
    lowest: float = 1e-6,
) -> Crossings:
    """Noise f of n labels at which verifying leads cloning from n demonstrations by a level.

    Both play the expert's tilt of the codeword that they pick: the likeliest by the demonstrations,
    or the one that disagrees with the fewest labels. The lead never rises with f, so that there is
    one crossing at most; without noise it is that of `leashed_shares`.

    Args:
      success: p of the base, in (0, 1).
      expert_success: q of the expert, in [p, 1].
      data_budgets: n, labels and demonstrations.
      log2_class_size: d > 0, bits.
      level: of the lead, a share of the expert's gain.
      lowest: noise that the search begins at; it ends at 1/2.

    Returns:
      Places f, NaN where there is none: there `first`, the lead at the lowest noise, says who leads
      at any.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.frontier import exact_noise_frontier
      >>> # With even odds a label says as much as a demonstration by an expert of 1 - f.
      >>> exact_noise_frontier(0.5, 0.8, np.asarray([8, 32]), 10.0).at.round(6).tolist()
      [0.2, 0.2]
    """
    law, ratio = all_or_nothing(success, expert_success)

    @cache
    def cloning(point: int) -> float:
        return leashed_shares(law, ratio, int(data_budgets[point]), log2_class_size).cloning

    def lead(noise: Float[np.ndarray, " m"], point: Int[np.ndarray, " m"]) -> np.ndarray:
        return np.asarray(
            [
                noisy_label_share(
                    success, min(float(f), 0.5), int(data_budgets[i]), log2_class_size
                )
                - cloning(int(i))
                for f, i in zip(noise, point, strict=True)
            ]
        )

    return solve_crossings(lead, np.full(len(data_budgets), lowest), 0.5, level=level, steps=2)


def noise_rate_frontier(success: float, expert_success: float) -> float:
    """Noise f at which a label says as many nats as a demonstration, KL(expert || base).

    It is where the frontier of `exact_noise_frontier` goes as the class grows, if data grow with
    it.

    Args:
      success: p of the base, in (0, 1).
      expert_success: q of the expert, in [p, 1].

    Returns:
      In (0, 1/2]; NaN where a demonstration says more than a label without noise.

    Example:
      >>> from verigap.theory.frontier import noise_rate_frontier
      >>> [round(noise_rate_frontier(p, 0.8), 3) for p in (0.5, 0.3, 0.25)]
      [0.2, 0.016, nan]
    """
    law, ratio = all_or_nothing(success, expert_success)
    base = law.probabilities[0]
    divergence = float(kl_divergence(ratio[0] * base, base))

    def lead(noise: Float[np.ndarray, " m"], point: Int[np.ndarray, " m"]) -> np.ndarray:
        said = [noisy_label_information(success, min(float(f), 0.5)) for f in noise]
        return np.asarray(said) - divergence

    return float(solve_crossings(lead, 1e-9, 0.5, steps=2).at[0])
