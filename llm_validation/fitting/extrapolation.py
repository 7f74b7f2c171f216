"""pass@k beyond the samples at hand: two laws of success that err in opposite directions.

A power law (every prompt is solved in the end) gives the estimate; its interval, joined with that
of a mixture without a family (what was never solved may be unsolvable), is the headline interval.
Both go on from the measured pass@N and never fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from verigap.llm_validation.fitting.power_law import power_law
from verigap.llm_validation.fitting.success_law import SuccessLaw
from verigap.llm_validation.fitting.success_mixture import mixture
from verigap.llm_validation.intervals import LEVEL, Interval, Resampler, Statistic


@dataclass(frozen=True, eq=False, kw_only=True)
class Extrapolation:
    """pass@k beyond the samples.

    Attributes:
      estimate, low, high: for each asked k, shape (K,), each in [0, 1].
      laws: the fitted laws, that of the estimate first; none without a correct sample.
    """

    estimate: Float[np.ndarray, " K"]
    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]
    laws: tuple[SuccessLaw, ...]


def extrapolate(
    correct: Int[np.ndarray, " P"],
    samples: Int[np.ndarray, " P"],
    ks: Int[np.ndarray, " K"],
    measured: Statistic,
    resampler: Resampler,
) -> Extrapolation:
    """pass@k for k beyond the samples that every prompt has.

    The estimate is the power law's; with one sample a prompt there is no slope to go on, and it is
    the mixture's. The interval covers those of both laws. Without a correct sample the estimate is
    0 and the interval `no_success_upper_end`'s.

    Args:
      correct: correct samples of each prompt.
      samples: samples of each prompt; N is the fewest.
      ks: k beyond N, ascending.
      measured: pass@N, as measured.
      resampler: of the prompts.

    Returns:
      Estimates and ends, none of which falls with k or is below the measured one at N.

    Example:
      >>> import numpy as np
      >>> never = np.zeros(128, int)
      >>> nothing = Statistic(0.0, 0.0, 0.028)
      >>> found = extrapolate(never, never + 8, np.array([1000]), nothing, Resampler(128, 0))
      >>> float(found.estimate[0]), float(found.low[0]), round(float(found.high[0]), 3)
      (0.0, 0.0, 0.973)
    """
    places = ks.astype(float)
    if not correct.any():
        # A single prompt has no interval: NaN, as measured.
        low = np.zeros(ks.size) + measured.low
        high = np.maximum(no_success_upper_end(samples, places), measured.high)
        return Extrapolation(estimate=np.zeros(ks.size), low=low, high=high, laws=())
    laws = [mixture(correct, samples, places, measured.estimate)]
    if samples.min() > 1:
        laws.insert(0, power_law(correct, samples, places, resampler))
    laws = tuple(_going_on(law, measured) for law in laws)
    low, high = np.min([law.low for law in laws], 0), np.max([law.high for law in laws], 0)
    return Extrapolation(estimate=laws[0].estimate, low=low, high=high, laws=laws)


def no_success_upper_end(
    samples: Int[np.ndarray, " P"], ks: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """Largest pass@k that leaves a probability of 2.5 % to not a single correct sample.

    Among all laws of success: E(1 - p)^n_x multiplied over prompts is at most
    (E(1 - p)^k)^(Σ min(n_x, k) / k), by Jensen's inequality and as (1 - p)^n falls with n, so that
    pass@k is at most 1 - 0.025^(k / Σ min(n_x, k)). Where no prompt has more than k samples, a
    law with one p for all prompts reaches it; where every prompt has more, one of prompts always
    solved and never solved.

    Args:
      samples: n_x, samples of each prompt, all incorrect.
      ks: k.

    Example:
      >>> import numpy as np
      >>> no_success_upper_end(np.full(128, 8), np.array([1.0, 8.0, 1000.0])).round(3)
      array([0.028, 0.028, 0.973])
    """
    counted = np.minimum(samples[:, None], ks).sum(axis=0)
    return -np.expm1(np.log((1 - LEVEL) / 2) * ks / counted)


def _going_on(law: SuccessLaw, measured: Statistic) -> SuccessLaw:
    """The law with ends that hold its estimate, and neither fall with k nor below those at N."""
    estimate = np.maximum.accumulate(np.maximum(law.estimate, measured.estimate))
    ends = Interval(np.minimum(law.low, estimate), np.maximum(law.high, estimate))
    low, high = (
        np.maximum.accumulate(np.maximum(end, at_measured))
        for end, at_measured in zip(ends, (measured.low, measured.high), strict=True)
    )
    return SuccessLaw(name=law.name, estimate=estimate, low=low, high=high, values=law.values)
