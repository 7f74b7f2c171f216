"""pass@k: the probability that at least one of k samples is correct, up to N samples a prompt."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def pass_at_k(
    correct: Int[np.ndarray, " P"], samples: Int[np.ndarray, " P"], largest: int
) -> Float[np.ndarray, "P largest"]:
    """Unbiased estimate 1 - C(n - c, k) / C(n, k) of pass@k for k = 1..largest.

    NaN where a prompt has fewer than k samples: no unbiased estimate exists there.

    Args:
      correct: c, correct samples of each prompt.
      samples: n, verified samples of each prompt, at least c and at least 1.
      largest: largest k.

    Source: Chen et al. 2021, arXiv 2107.03374, section 2.1.
    """
    drawn = np.arange(largest)
    wrong = np.maximum((samples - correct)[:, None] - drawn, 0)
    left = np.maximum(samples[:, None] - drawn, 1)
    miss = np.cumprod(wrong / left, axis=1)
    return np.where(drawn < samples[:, None], 1.0 - miss, np.nan)


def largest_measured(samples: Int[np.ndarray, " P"]) -> int:
    """Largest k for which every prompt has k samples, so that every k is over the same prompts."""
    return int(samples.min())
