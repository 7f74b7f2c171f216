"""What choosing among sampled traces by a score earns, exactly for the pool that was sampled."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from verigap.theory import RewardLaw, chi2_ball_expert


def best_of_n_value(
    scores: Float[np.ndarray, "prompts samples"],
    returns: Float[np.ndarray, "prompts samples"],
    num_candidates: int,
) -> Float[np.ndarray, " prompts"]:
    """Mean return of the best-scored of `num_candidates` traces drawn without replacement (tokens).

    The average over all subsets of the pool, an unbiased estimate of the best-of-N policy's value;
    equal scores are broken uniformly.

    Raises:
      ValueError: if the pool is smaller than `num_candidates`.
    """
    prompts, samples = scores.shape
    if not 1 <= num_candidates <= samples:
        raise ValueError(
            f"best-of-{num_candidates} needs at least {num_candidates} samples, not {samples}"
        )
    values = np.empty(prompts)
    for prompt in range(prompts):
        levels, group, count = np.unique(scores[prompt], return_inverse=True, return_counts=True)
        mean = np.bincount(group, weights=returns[prompt], minlength=len(levels)) / count
        at_most = np.cumsum(count)
        # The share of subsets that lie within the traces scored at most so much.
        within = np.exp(
            np.where(
                at_most >= num_candidates,
                _log_choose(at_most.astype(float), num_candidates),
                -np.inf,
            )
            - _log_choose(samples, num_candidates)
        )
        values[prompt] = np.sum(np.diff(within, prepend=0.0) * mean)
    return values


def _log_choose(size: Float[np.ndarray, " levels"] | float, chosen: int) -> Any:
    return gammaln(size + 1.0) - gammaln(chosen + 1.0) - gammaln(np.maximum(size - chosen, 0) + 1.0)


def tilted_value(
    scores: Float[np.ndarray, "prompts samples"],
    returns: Float[np.ndarray, "prompts samples"],
    chi2_radius: float,
) -> Float[np.ndarray, " prompts"]:
    """Mean return under the chi-square tilt that the scores call best (tokens).

    The policy of density ratio b (score - a)_+ to the pool, at chi-square `chi2_radius` (Lemma 3
    with the score in place of the return), so its leash is kept exactly on the pool.
    """
    order = np.argsort(scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1).astype(np.float64)
    share = np.full_like(ordered, 1.0 / ordered.shape[1])
    expert = chi2_ball_expert(RewardLaw.checked(ordered, share), chi2_radius)
    ratio = np.asarray(expert.density_ratio)
    return np.mean(ratio * np.take_along_axis(returns, order, axis=1), axis=1)


def projected_value(
    value: Float[np.ndarray, " prompts"],
    base_value: Float[np.ndarray, " prompts"],
    chi2: Float[np.ndarray, " prompts"],
    chi2_radius: float,
) -> Float[np.ndarray, " prompts"]:
    """Value of a policy after projection onto the chi-square ball around the base (tokens).

    The ball is one of L2(base) around the ratio 1, so its projection moves along the segment to the
    base: 1 + t (ratio - 1) with t = min(1, sqrt(radius / chi2)), and the value moves likewise.
    """
    share = np.sqrt(np.minimum(1.0, chi2_radius / np.maximum(chi2, 1e-300)))
    return base_value + share * (value - base_value)
