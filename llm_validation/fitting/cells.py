"""Reward laws of the grid of prompt types, and what the theory asks of each of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import special

from verigap.llm_validation.fitting.deconvolution import LOG_ODDS
from verigap.theory.laws import RewardLaw

# Shares of the successes, fastest first, that an atom stands for: finer where returns are largest,
# as the coverage of a strong expert lives there.
_CUTS = np.concatenate([np.linspace(0.0, 0.1, 11), np.linspace(0.1, 1.0, 31)[1:]])
_MASS = np.diff(_CUTS)
_SPEEDS = 9
# Between-prompt spread of log first-correct index, in within-prompt sd, that the grid spans.
_NARROWEST, _WIDEST = 0.4, 3.0
# Below this, the spread of log T is rounding.
_CONSTANT = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class HittingTimes:
    """First-correct indices within a budget, standardised in logarithms.

    log T of a success of a prompt of speed u is centre + scale u + width residual: prompts shift a
    common shape, as two prompts seldom have enough successes to tell their shapes apart.

    Attributes:
      centre: mean over successes of log T.
      scale: unit of u, the sd of log T within a prompt; 0 when all indices are equal.
      width: factor of the residuals, `scale` unless the shape alone was re-estimated.
      residuals: their atoms, descending, shape (atoms,); they weigh `_MASS` reversed.
      speeds: grid of u, ascending, shape (U,).
      mean_speed: mean of (log T - centre) / scale of each prompt, 0 without successes, shape (P,).
    """

    centre: float
    scale: float
    width: float
    residuals: Float[np.ndarray, " atoms"]
    speeds: Float[np.ndarray, " U"]
    mean_speed: Float[np.ndarray, " P"]


def standardise(
    prompt: np.ndarray, first_correct: np.ndarray, count: np.ndarray, prompts: int
) -> HittingTimes:
    """Split the spread of log T into a part within and a part between prompts (one-way ANOVA).

    Args:
      prompt: index of the prompt of each distinct (prompt, first-correct index), at least one.
      first_correct: the index, at least 1 (in the unit of the counts).
      count: samples that share it, at least 1.
      prompts: P.
    """
    logs = np.log(first_correct.astype(float))
    hits = np.bincount(prompt, count, prompts)
    total = float(hits.sum())
    centre = float((count * logs).sum() / total)
    mean = np.bincount(prompt, count * (logs - centre), prompts) / np.maximum(hits, 1.0)
    residual = logs - centre - mean[prompt]
    degrees = total - float((hits > 0).sum())
    within = float((count * residual**2).sum()) / degrees if degrees > 0 else 0.0
    pooled = float((count * (logs - centre) ** 2).sum() / total)
    several = hits[prompt] > 1
    if degrees < 1 or not several.any():
        # One success a prompt cannot be split; all of the spread is taken to be within prompts.
        within, residual, several = pooled, logs - centre, np.ones(logs.size, bool)
    else:
        residual = residual * np.sqrt(hits[prompt] / np.maximum(hits[prompt] - 1.0, 1.0))
    scale = within**0.5
    if scale < _CONSTANT:
        # No spread within prompts: what differs between them is measured in its own units.
        scale = pooled**0.5
        residual = np.zeros(logs.size)
    if scale < _CONSTANT:
        return HittingTimes(
            centre=centre,
            scale=0.0,
            width=0.0,
            residuals=np.zeros(_MASS.size),
            speeds=np.zeros(1),
            mean_speed=np.zeros(prompts),
        )
    effective = total - float((hits**2).sum()) / total
    groups = float((hits > 0).sum())
    spread = float((hits * mean**2).sum()) - (groups - 1) * within
    between = max(spread / effective, 0.0) ** 0.5 if effective > 0 else 0.0
    reach = float(np.clip(between / scale, _NARROWEST, _WIDEST)) * 2.5
    return HittingTimes(
        centre=centre,
        scale=scale,
        width=scale,
        residuals=_atoms(residual[several] / scale, count[several])[::-1],
        speeds=np.linspace(-reach, reach, _SPEEDS),
        mean_speed=mean / scale,
    )


def reshaped(times: HittingTimes, other: HittingTimes) -> HittingTimes:
    """The same prompts with the shape and width of the residuals of another estimate."""
    return replace(times, residuals=other.residuals, width=other.scale)


def _atoms(values: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, " atoms"]:
    """Means of consecutive shares of a weighted sample, ascending; the overall mean is kept."""
    order = np.argsort(values, kind="stable")
    ends = np.concatenate([[0.0], np.cumsum(weights[order])])
    integral = np.concatenate([[0.0], np.cumsum(weights[order] * values[order])])
    return np.diff(np.interp(_CUTS * ends[-1], ends, integral)) / (ends[-1] * _MASS)


def cell_laws(times: HittingTimes, horizon: int) -> RewardLaw:
    """Law of the return at a budget of each cell, z-major: return 0, then the successes'.

    Successes are successes within the budget, so their returns are at least 1.
    """
    import jax.numpy as jnp

    logs = times.centre + times.scale * times.speeds[:, None] + times.width * times.residuals
    returns = np.clip(horizon - np.exp(np.minimum(logs, 40.0)) + 1.0, 1.0, horizon)
    atoms = np.concatenate([np.zeros((times.speeds.size, 1)), returns], axis=1)
    success = special.expit(LOG_ODDS)[:, None]
    mass = np.concatenate([1.0 - success, success * _MASS[::-1]], axis=1)
    shape = (LOG_ODDS.size, times.speeds.size, atoms.shape[1])
    support = np.broadcast_to(atoms, shape).reshape(-1, atoms.shape[1])
    probabilities = np.broadcast_to(mass[:, None], shape).reshape(-1, atoms.shape[1])
    return RewardLaw(jnp.asarray(support), jnp.asarray(probabilities))


def cell_heterogeneity(law: RewardLaw) -> Float[np.ndarray, " cells"]:
    """Standard deviation of the return of each cell (in the unit of the counts)."""
    mass, support = np.asarray(law.probabilities), np.asarray(law.support)
    mean = (mass * support).sum(axis=1, keepdims=True)
    return np.sqrt((mass * (support - mean) ** 2).sum(axis=1))


def cell_coverages(
    law: RewardLaw, margins: tuple[float, ...], chi2_radii: tuple[float, ...]
) -> tuple[Float[np.ndarray, "cells E"], Float[np.ndarray, "cells K"]]:
    """c(ε) and c*(κ) of each cell, for each ε of `margins` and each κ of `chi2_radii`."""
    import jax.numpy as jnp

    tight, reachable = _compiled()(law, jnp.asarray(margins), jnp.asarray(chi2_radii))
    return np.asarray(tight, float).T, np.asarray(reachable, float).T


@functools.cache
def _compiled() -> Callable[..., tuple[Any, Any]]:
    import jax

    from verigap.theory.coverage import anti_concentration, level_coverage
    from verigap.theory.experts import chi2_ball_expert

    def coverages(law: RewardLaw, margins: Any, chi2_radii: Any) -> tuple[Any, Any]:
        tight = jax.vmap(lambda margin: anti_concentration(law, margin))(margins)
        reach = jax.vmap(lambda radius: level_coverage(law, chi2_ball_expert(law, radius).value))
        return tight, reach(chi2_radii)

    return jax.jit(coverages)
