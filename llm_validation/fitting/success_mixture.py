"""The law of per-prompt success as a mixture without a named family, and what likelihood allows.

N samples a prompt fix N moments of the law of success and no more: pass@k for k > N is an interval
even where prompts are many. Profile likelihood finds it, among all laws that fit the counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from verigap.llm_validation.fitting.success_law import SuccessLaw

# Log odds of success of the grid; an atom at exactly 0 is added.
_GRID = np.concatenate([[-np.inf], np.linspace(-12.0, 9.0, 106)])
_STEPS = 400
# How hard the likelihood is traded for pass@k: nats for a pass@k that moves from 0 to 1.
_PULLS = np.geomspace(0.5, 2e4, 18)
# Nats that a mixture in the interval may fall short of the best one, chosen by measured coverage
# of the headline interval (docs/fitting.md). The 1.92 of one parameter at 95 % are too much here:
# the weights are at the border of what they can be, and the likelihood is flat.
_ALLOWED = 0.9


class _Fit(NamedTuple):
    """Likelihood of each distinct count at each atom, maximum 1, and how many prompts have it."""

    likelihood: Float[np.ndarray, "T G"]
    prompts: Float[np.ndarray, " T"]

    def log_likelihood(self, weights: Float[np.ndarray, "B G"]) -> Float[np.ndarray, " B"]:
        """Of the counts under several mixtures, in nats."""
        return np.log(np.maximum(weights @ self.likelihood.T, 1e-300)) @ self.prompts


def mixture(
    correct: Int[np.ndarray, " P"],
    samples: Int[np.ndarray, " P"],
    ks: Float[np.ndarray, " K"],
    measured: float,
) -> SuccessLaw:
    """Mixture over a grid of success probabilities, 0 included, of maximum likelihood.

    Fitted by expectation maximisation from the uniform law and stopped after a fixed number of
    steps, which keeps the estimate continuous in the counts. Its pass@k goes on from the measured
    pass@N: the share of the unsolved that k - N further samples solve. The interval is all pass@k
    of mixtures whose log likelihood is within 0.9 nats of the largest.

    Args:
      correct: correct samples of each prompt.
      samples: samples of each prompt, at least N.
      ks: k beyond N.
      measured: the measured pass@N.

    Source: Laird 1978 (maximum likelihood of a mixture); Lindsay 1995, Mixture Models, chapter 5.

    Example:
      >>> import numpy as np
      >>> law = mixture(np.array([0, 1, 2, 4]), np.full(4, 4), np.array([8.0]), 0.75)
      >>> bool(law.low[0] < law.estimate[0] < law.high[0])
      True
    """
    chance, fit = special.expit(_GRID), _counted(correct, samples)
    fail = _failures(chance, ks)
    uniform = np.full((1, chance.size), 1.0 / chance.size)
    weights = _maximised(uniform, fit)
    at_measured = weights @ _failures(chance, np.array([samples.min()], float)).T
    left = (weights @ fail.T) / np.maximum(at_measured, 1e-300)
    low, high = _profile(weights, fit, fail)
    kept = weights[0] * correct.size > 0.5
    return SuccessLaw(
        name="mixture",
        estimate=np.clip(1.0 - (1.0 - measured) * left[0], 0.0, 1.0),
        low=low,
        high=high,
        values={"atoms": chance[kept].tolist(), "weights": weights[0][kept].tolist()},
    )


def _counted(correct: Int[np.ndarray, " P"], samples: Int[np.ndarray, " P"]) -> _Fit:
    pairs, prompts = np.unique(np.stack([correct, samples], axis=1), axis=0, return_counts=True)
    good, bad = pairs[:, 0].astype(float), (pairs[:, 1] - pairs[:, 0]).astype(float)
    log = special.xlogy(good[:, None], special.expit(_GRID))
    log = log + bad[:, None] * special.log_expit(-_GRID)
    share = good / (good + bad)
    peak = special.xlogy(good, share) + special.xlogy(bad, 1.0 - share)
    return _Fit(np.exp(log - peak[:, None]), prompts.astype(float))


def _failures(
    chance: Float[np.ndarray, " G"], ks: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "K G"]:
    """Probability that k samples all fail, at each atom."""
    return np.exp(np.outer(ks, np.log1p(-chance)))


def _maximised(
    weights: Float[np.ndarray, "B G"], fit: _Fit, pull: Float[np.ndarray, "B G"] | float = 0.0
) -> Float[np.ndarray, "B G"]:
    """Weights that maximise the mean log likelihood a prompt plus `pull` times the weights.

    Multiplicative steps in single precision; each raises the objective where no pull is negative.
    """
    weights, pull = np.asarray(weights, np.float32), np.asarray(pull, np.float32)
    likelihood = fit.likelihood.astype(np.float32)
    share = (fit.prompts / fit.prompts.sum()).astype(np.float32)
    least = np.float32(1e-30)
    for _ in range(_STEPS):
        marginal = weights @ likelihood.T
        weights = weights * ((share / np.maximum(marginal, least)) @ likelihood + pull)
        weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), least)
    return weights.astype(float)


def _profile(
    weights: Float[np.ndarray, "1 G"], fit: _Fit, fail: Float[np.ndarray, "K G"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Lowest and highest pass@k among mixtures that the likelihood does not rule out.

    Every pull towards few or many solved prompts gives one mixture on the border of what can be
    had; between neighbours both pass@k and the root of the loss of likelihood are interpolated.
    """
    pulls = _PULLS / fit.prompts.sum()
    atoms = fail.shape[1]
    # Some weight everywhere: a multiplicative step cannot move what is 0.
    start = np.repeat(0.9 * weights + 0.1 / atoms, pulls.size, axis=0)
    ends = []
    for sign in (-1.0, 1.0):
        row = []
        for solved in 1.0 - fail:
            towards = solved if sign > 0 else 1.0 - solved
            moved = _maximised(start, fit, np.outer(pulls, towards))
            top = fit.log_likelihood(weights)[0]
            loss = np.sqrt(np.maximum(top - fit.log_likelihood(moved), 0.0))
            reached = np.append(weights @ solved, moved @ solved)
            order = np.maximum.accumulate(np.append(0.0, loss))
            row.append(np.interp(np.sqrt(_ALLOWED), order, reached))
        ends.append(np.clip(row, 0.0, 1.0))
    return ends[0], ends[1]
