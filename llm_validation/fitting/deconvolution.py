"""The law of prompts behind noisy per-prompt counts: empirical Bayes deconvolution on a grid.

A prompt is a point (z, u): z the log odds of success, u the standardised speed of its successes.
The density of prompts is an exponential family on a grid that contains every beta law of the
success probability, fitted by penalised marginal likelihood. Averages of any function of (z, u)
under the fit are free of the bias that the function of noisy per-prompt estimates would have.
Source: Efron 2016, "Empirical Bayes deconvolution estimates" (g-modelling).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

# Log odds from 1e-4 to 1 - 1.5e-3: the range that samples of a model can tell from 0 and 1.
LOG_ODDS = np.linspace(-9.5, 6.5, 65)
_BUMPS = 3
# Ridge on the coefficients, in log density: the beta part is left nearly free.
_RIDGE = (0.02, 0.02, *(0.5,) * _BUMPS, 0.05, 0.05, 0.05)
_STEPS = 100
_TOLERANCE = 1e-5
# Damping beyond which no step is taken that could still raise the likelihood.
_HOPELESS = 1e8


@dataclass(frozen=True, eq=False, kw_only=True)
class PromptLaw:
    """A fitted density of prompts on the grid of Z log odds and U speeds.

    Attributes:
      basis: sufficient statistics, shape (Z, U, M).
      base: log of the density at coefficients 0, up to a constant, shape (Z, U).
      coefficients: the fit, shape (M,).
      covariance: inverse of the penalised information, shape (M, M).
      scores: gradient of each prompt's log likelihood at the fit, shape (P, M).
      success, speed: likelihoods of each prompt, shapes (P, Z) and (P, U).
      converged: whether the last step gained less than 1e-5 in log likelihood.
    """

    basis: Float[np.ndarray, "Z U M"]
    base: Float[np.ndarray, "Z U"]
    coefficients: Float[np.ndarray, " M"]
    covariance: Float[np.ndarray, "M M"]
    scores: Float[np.ndarray, "P M"]
    success: Float[np.ndarray, "P Z"]
    speed: Float[np.ndarray, "P U"]
    converged: bool

    @property
    def density(self) -> Float[np.ndarray, " cells"]:
        """Probability of each grid cell, z-major, shape (Z U,)."""
        return self.densities(self.coefficients[None])[0]

    def densities(self, coefficients: Float[np.ndarray, "B M"]) -> Float[np.ndarray, "B cells"]:
        """Cell probabilities at several coefficient vectors."""
        flat = self.basis.reshape(-1, self.basis.shape[-1])
        return special.softmax(coefficients @ flat.T + self.base.ravel(), axis=1)

    @property
    def influence(self) -> Float[np.ndarray, "P M"]:
        """First-order effect of a prompt's weight on the coefficients."""
        return (self.scores - self.scores.mean(axis=0)) @ self.covariance

    def posterior_means(self, functions: Float[np.ndarray, "cells F"]) -> Float[np.ndarray, "P F"]:
        """Mean of each function of a cell given each prompt's samples: shrunken estimates."""
        cells = self.density.reshape(self.base.shape)
        marginal = np.einsum("pu,pu->p", self.success @ cells, self.speed)
        out = np.empty((marginal.size, functions.shape[1]))
        for column in range(functions.shape[1]):
            weighted = cells * functions[:, column].reshape(cells.shape)
            out[:, column] = np.einsum("pu,pu->p", self.success @ weighted, self.speed) / marginal
        return out


def success_likelihood(
    successes: Float[np.ndarray, " P"],
    samples: Float[np.ndarray, " P"],
    log_odds: Float[np.ndarray, " Z"] = LOG_ODDS,
) -> Float[np.ndarray, "P Z"]:
    """Binomial likelihood of each prompt at each log odds, scaled to a maximum of 1."""
    yes, no = special.log_expit(log_odds), special.log_expit(-log_odds)
    log = np.outer(successes, yes) + np.outer(samples - successes, no)
    return np.exp(log - log.max(axis=1, keepdims=True))


def speed_likelihood(
    successes: Float[np.ndarray, " P"],
    mean_speed: Float[np.ndarray, " P"],
    speeds: Float[np.ndarray, " U"],
) -> Float[np.ndarray, "P U"]:
    """Normal likelihood of the mean of a prompt's standardised speeds, maximum 1."""
    log = -0.5 * successes[:, None] * (mean_speed[:, None] - speeds) ** 2
    return np.exp(log - log.max(axis=1, keepdims=True))


def fit_prompt_law(
    successes: Float[np.ndarray, " P"],
    samples: Float[np.ndarray, " P"],
    mean_speed: Float[np.ndarray, " P"],
    speeds: Float[np.ndarray, " U"],
) -> PromptLaw:
    """Fit the density of prompts.

    Args:
      successes: correct samples of each prompt within the budget.
      samples: verified samples of each prompt, at least 1.
      mean_speed: mean standardised speed of the successes; ignored where there are none.
      speeds: grid of speeds, ascending; a single 0 where speeds do not differ.
    """
    success = success_likelihood(successes, samples)
    speed = speed_likelihood(successes, np.where(successes > 0, mean_speed, 0.0), speeds)
    basis, ridge = _basis(successes, samples, speeds)
    scale = max(float(np.abs(speeds).max()), 1.0)
    base = np.broadcast_to(-2.0 * (speeds / scale) ** 2, basis.shape[:2])
    best = _maximise(basis, base, ridge, success, speed)
    return PromptLaw(
        basis=basis,
        base=base,
        coefficients=best.coefficients,
        covariance=np.linalg.inv(best.information),
        scores=best.scores,
        success=success,
        speed=speed,
        converged=best.converged,
    )


def _basis(
    successes: Float[np.ndarray, " P"],
    samples: Float[np.ndarray, " P"],
    speeds: Float[np.ndarray, " U"],
) -> tuple[Float[np.ndarray, "Z U M"], Float[np.ndarray, " M"]]:
    """Statistics of the exponential family, and the ridge of each."""
    rough = special.logit((successes + 0.5) / (samples + 1.0))
    centre, width = float(np.mean(rough)), max(float(np.std(rough)), 0.7)
    z = LOG_ODDS[:, None]
    columns = [special.log_expit(z), special.log_expit(-z)]
    columns.extend(
        np.exp(-0.5 * ((z - centre - offset * width) / (0.8 * width)) ** 2)
        for offset in np.linspace(-1.2, 1.2, _BUMPS)
    )
    if speeds.size > 1:
        u = speeds[None, :] / max(float(np.abs(speeds).max()), 1.0)
        columns += [3 * u, 9 * u**2, 3 * u * np.clip((z - centre) / width, -2.5, 2.5)]
    shape = (LOG_ODDS.size, speeds.size)
    basis = np.stack([np.broadcast_to(column, shape) for column in columns], axis=-1)
    return basis, np.array(_RIDGE[: len(columns)])


class _Maximum(NamedTuple):
    """Where the ascent stopped; the information and the scores are those before its last step."""

    coefficients: Float[np.ndarray, " M"]
    information: Float[np.ndarray, "M M"]
    scores: Float[np.ndarray, "P M"]
    converged: bool


def _maximise(
    basis: Float[np.ndarray, "Z U M"],
    base: Float[np.ndarray, "Z U"],
    ridge: Float[np.ndarray, " M"],
    success: Float[np.ndarray, "P Z"],
    speed: Float[np.ndarray, "P U"],
) -> _Maximum:
    """Damped Newton ascent of the penalised marginal likelihood, at most 100 steps."""
    z_size, u_size, terms = basis.shape
    flat = basis.reshape(-1, terms)
    prompts = success.shape[0]
    start = np.zeros(terms)
    start[:2] = 1.0  # the uniform law of the success probability
    anchor = start.copy()

    def objective(theta: Float[np.ndarray, " M"]) -> tuple[float, np.ndarray, np.ndarray]:
        cells = special.softmax(flat @ theta + base.ravel()).reshape(z_size, u_size)
        marginal = np.einsum("pu,pu->p", success @ cells, speed)
        # A step too long leaves prompts without likelihood: it is refused, not warned of.
        with np.errstate(divide="ignore", invalid="ignore"):
            total = float(np.log(marginal).sum())
        value = total - float(0.5 * (ridge * (theta - anchor) ** 2).sum())
        return value, cells, marginal

    theta, damping, converged = start, 1e-3, False
    value, cells, marginal = objective(theta)
    scores, eigen, vectors = np.zeros((prompts, terms)), np.ones(terms), np.eye(terms)
    for _ in range(_STEPS):
        prior = flat.T @ cells.ravel()
        weighted = (cells[..., None] * (basis - prior)).reshape(z_size, -1)
        tilted = (success @ weighted).reshape(prompts, u_size, terms)
        scores = np.einsum("pum,pu->pm", tilted, speed) / marginal[:, None]
        together = cells * (success.T @ (speed / marginal[:, None]))
        centred = flat - prior
        curvature = (centred * (prompts * cells - together).ravel()[:, None]).T @ centred
        information = curvature + scores.T @ scores + np.diag(ridge)
        gradient = scores.sum(axis=0) - ridge * (theta - anchor)
        # Marginal likelihoods are not concave: flat or rising directions get a floor.
        eigen, vectors = np.linalg.eigh(information)
        while True:
            floored = np.maximum(eigen, ridge.min()) + damping
            step = vectors @ ((vectors.T @ gradient) / floored)
            new_value, new_cells, new_marginal = objective(theta + step)
            if new_value >= value - 1e-10 * abs(value) or damping > _HOPELESS:
                break
            damping = max(damping, 1e-3) * 10
        gain, stuck = new_value - value, damping > _HOPELESS
        theta, value, cells, marginal = theta + step, new_value, new_cells, new_marginal
        damping = damping / 10 if damping > 1e-6 else 0.0
        if abs(gain) < _TOLERANCE:
            converged = not stuck
            break
    information = (vectors * np.maximum(eigen, ridge.min())) @ vectors.T
    return _Maximum(theta, information, scores, converged)
