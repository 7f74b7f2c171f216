"""Families for the law of the first-correct index, fitted within a budget, and how well they fit.

The law that is fitted gives every prompt the same weight; whatever is not correct within the budget
counts as later than it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from verigap.llm_validation.intervals import Resampler

_SHAPES = (1.0, 4.0, 16.0, 64.0)
_MEANS = 24
_EM_STEPS = 200
_MOST_POINTS = 512


@dataclass(frozen=True)
class HittingFamily:
    """A family at its best parameters.

    Attributes:
      name: "beta-geometric", "mixture" or "empirical".
      parameters: the fitted parameters by name.
      free: how many were free.
      log_loss: mean over prompts of -ln P(first-correct index), nats a sample.
      distance: largest distance between the fitted and the empirical distribution function.
      p_value: share of bootstrap replicates over prompts whose distribution function lies further
        from the empirical one than the fit does; small values speak against the family. NaN for
        one prompt.
    """

    name: str
    parameters: dict[str, object]
    free: int
    log_loss: float
    distance: float
    p_value: float


def fit_families(
    prompt: np.ndarray,
    first_correct: np.ndarray,
    share: np.ndarray,
    horizon: int,
    resampler: Resampler,
) -> tuple[HittingFamily, ...]:
    """Fit all families to the successes within a budget.

    Args:
      prompt: index of the prompt of each distinct (prompt, first-correct index).
      first_correct: the index, from 1 to `horizon`.
      share: its share of the prompt's verified samples.
      horizon: budget H, in the unit of the indices.
      resampler: of all P prompts, those without successes included.
    """
    points, position = np.unique(first_correct, return_inverse=True)
    mass = np.bincount(position, share) / resampler.prompts
    beyond = max(1.0 - float(mass.sum()), 0.0)
    empirical = np.cumsum(mass)
    # The distribution function of every prompt at (at most 512 of) the points.
    keep = np.unique(np.linspace(0, points.size - 1, _MOST_POINTS).astype(int))
    each = np.zeros((resampler.prompts, keep.size))
    np.add.at(each, (prompt, np.searchsorted(keep, position)), share)
    each = np.cumsum(each, axis=1)
    if resampler.prompts > 1:
        noise = np.abs(resampler.means(each) - each.mean(axis=0)).max(axis=1)
    else:
        noise = np.full(1, np.nan)

    def judged(
        name: str, parameters: dict[str, object], free: int, pmf: np.ndarray, cdf: np.ndarray
    ) -> HittingFamily:
        tail = max(1.0 - float(cdf[-1]), 1e-300)
        loss = -float(mass @ np.log(np.maximum(pmf, 1e-300))) - (
            beyond * np.log(tail) if beyond > 1e-12 else 0.0
        )
        before = np.concatenate([[0.0], empirical[:-1]])
        fitted_before = cdf[:-1] - np.append(pmf, 0.0)[: cdf.size - 1]
        distance = max(
            float(np.abs(cdf[:-1] - empirical).max()),
            float(np.abs(fitted_before - before).max()),
            abs(float(cdf[-1]) - float(empirical[-1])),
        )
        p_value = float(np.mean(noise >= distance)) if resampler.prompts > 1 else float("nan")
        return HittingFamily(name, parameters, free, float(loss), distance, p_value)

    ends = np.append(points, horizon).astype(float)
    return (
        judged(*_beta_geometric(points.astype(float), mass, beyond, ends)),
        judged(*_mixture(points.astype(float), mass, beyond, ends)),
        judged(
            "empirical",
            {"points": int(points.size)},
            int(points.size),
            mass,
            np.append(empirical, empirical[-1]),
        ),
    )


_Fit = tuple[str, dict[str, object], int, np.ndarray, np.ndarray]


def _beta_geometric(points: np.ndarray, mass: np.ndarray, beyond: float, ends: np.ndarray) -> _Fit:
    """P(T > t) = B(α, β + t) / B(α, β), the law of a geometric time of beta-distributed rate."""

    def log_tail(t: np.ndarray, first: float, second: float) -> np.ndarray:
        return (
            special.gammaln(second + t)
            - special.gammaln(second)
            + special.gammaln(first + second)
            - special.gammaln(first + second + t)
        )

    def log_pmf(t: np.ndarray, first: float, second: float) -> np.ndarray:
        # P(T = t) = P(T > t - 1) α / (α + β + t - 1).
        return log_tail(t - 1.0, first, second) + np.log(first / (first + second + t - 1.0))

    def loss(logs: np.ndarray) -> float:
        first, second = np.exp(logs)
        return -float(mass @ log_pmf(points, first, second)) - beyond * float(
            log_tail(ends[-1:], first, second)[0]
        )

    rate = float(mass.sum()) / float(mass @ points + beyond * ends[-1])
    start = np.array([0.0, np.log(1.0 / max(rate, 1e-9))])
    best = optimize.minimize(loss, start, method="L-BFGS-B", bounds=[(-8.0, 12.0), (-8.0, 25.0)])
    first, second = np.exp(best.x)
    values: dict[str, object] = {"alpha": float(first), "beta": float(second)}
    cdf = -np.expm1(log_tail(ends, first, second))
    return "beta-geometric", values, 2, np.exp(log_pmf(points, first, second)), cdf


def _mixture(points: np.ndarray, mass: np.ndarray, beyond: float, ends: np.ndarray) -> _Fit:
    """Mixture of negative binomial times over a grid of shapes and means, and of never."""
    total = max(float(mass.sum()), 1e-12)
    low, high = float(points[0]), float(max(points[-1], points[0] + 1))
    means = np.geomspace(max(low, 1.5), high * 2.0, _MEANS)
    shapes, centres = (grid.ravel() for grid in np.meshgrid(_SHAPES, means, indexing="ij"))
    possible = centres > shapes
    shapes, centres = shapes[possible], centres[possible]
    rate = shapes / centres
    failures = points[None, :] - shapes[:, None]
    log = (
        special.gammaln(np.maximum(failures, 0) + shapes[:, None])
        - special.gammaln(shapes[:, None])
        - special.gammaln(np.maximum(failures, 0) + 1.0)
        + (shapes * np.log(rate))[:, None]
        + special.xlog1py(np.maximum(failures, 0), -rate[:, None])
    )
    pmf = np.where(failures >= 0, np.exp(log), 0.0)
    # P(T <= t) by the regularised incomplete beta function.
    tries = ends[None, :] - shapes[:, None]
    cdf = np.where(
        tries >= 0, special.betainc(shapes[:, None], np.maximum(tries, 0) + 1.0, rate[:, None]), 0.0
    )
    pmf = np.concatenate([pmf, np.zeros((1, points.size))])
    cdf = np.concatenate([cdf, np.zeros((1, ends.size))])
    weights = np.append(np.full(shapes.size, total / shapes.size), max(1.0 - total, 1e-6))
    tail = 1.0 - cdf[:, -1]
    for _ in range(_EM_STEPS):
        point, after = weights @ pmf, float(weights @ tail)
        gain = pmf @ (mass / np.maximum(point, 1e-300)) + tail * (beyond / max(after, 1e-300))
        weights = weights * gain
    weights /= weights.sum()
    kept = weights[:-1] > 1e-3
    values: dict[str, object] = {
        "never": float(weights[-1]),
        "shapes": shapes[kept].tolist(),
        "means": centres[kept].tolist(),
        "weights": weights[:-1][kept].tolist(),
    }
    return "mixture", values, 3 * int(kept.sum()), weights @ pmf, weights @ cdf
