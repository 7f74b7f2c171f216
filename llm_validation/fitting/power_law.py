"""pass@k beyond the samples by a power law: -log pass@k falls as k^-b.

Sources: Brown et al. 2024, "Large Language Monkeys" (arXiv 2407.21787), who find it on many models
and tasks; Schaeffer et al. 2025 (arXiv 2502.17578), who derive it from the law of success near 0.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from verigap.llm_validation.fitting.pass_at_k import pass_at_k
from verigap.llm_validation.fitting.success_law import SuccessLaw
from verigap.llm_validation.intervals import Resampler, unseen_prompt_interval


def power_law(
    correct: Int[np.ndarray, " P"],
    samples: Int[np.ndarray, " P"],
    ks: Float[np.ndarray, " K"],
    resampler: Resampler,
) -> SuccessLaw:
    """pass@k = exp(-a k^-b), through the measured pass@N.

    b is the slope of log(-log pass@k) in log k at k = 1, 2, 4, … and N, by least squares; a makes
    the curve meet the measured one at N, so that it goes on from there and never falls. The
    interval is that of `mean_interval`: each replicate of the prompts has its own curve.

    Args:
      correct: correct samples of each prompt, at least one in all.
      samples: samples of each prompt, at least N = 2.
      ks: k beyond N.
      resampler: of the prompts.

    Example:
      >>> import numpy as np
      >>> correct, samples = np.array([0, 1, 2, 4]), np.full(4, 4)
      >>> law = power_law(correct, samples, np.array([8.0]), Resampler(4, 0))
      >>> law.estimate.round(3)
      array([0.844])
    """
    most = int(samples.min())
    at = _places(most)
    each = pass_at_k(correct, samples, most)[:, at - 1]
    mean = each.mean(axis=0)[None]
    estimate = _continued(mean, at, ks)[0]
    interval = unseen_prompt_interval(_continued(resampler.uniform_means(each), at, ks), resampler)
    exponent = float(_exponents(mean, at)[0])
    return SuccessLaw(
        name="power law",
        estimate=estimate,
        low=interval.low,
        high=interval.high,
        values={"a": float(-np.log(mean[0, -1]) * most**exponent), "b": exponent},
    )


def _places(most: int) -> Int[np.ndarray, " A"]:
    """1, 2, 4, … and the last k."""
    powers = 2 ** np.arange(most.bit_length())
    return np.unique(np.append(powers[powers <= most], most))


def _exponents(curves: Float[np.ndarray, "B A"], at: Int[np.ndarray, " A"]) -> np.ndarray:
    # A curve at 1 has no logarithm, and no room to grow either.
    height = np.log(-np.log(np.clip(curves, 1e-300, 1.0 - 1e-12)))
    place = np.log(at) - np.log(at).mean()
    return np.maximum(-(height @ place) / (place @ place), 0.0)


def _continued(
    curves: Float[np.ndarray, "B A"], at: Int[np.ndarray, " A"], ks: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "B K"]:
    """Each curve beyond its last place."""
    last = np.log(np.clip(curves[:, -1:], 1e-300, 1.0))
    return np.exp(last * (ks / at[-1]) ** -_exponents(curves, at)[:, None])
