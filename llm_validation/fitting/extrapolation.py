"""pass@k beyond the samples at hand, from a law of per-prompt success fitted to the counts.

N samples a prompt fix the first N moments of the law of success and no more, so pass@k for k > N
rests on the shape of the law near 0. Two laws that err in opposite directions are fitted: a beta
law (smooth; every prompt is solved in the end) and the nonparametric maximum-likelihood mixture
(atoms; what was never solved may be unsolvable).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from verigap.llm_validation.intervals import Resampler, bca_interval

# log odds of success of the mixture's grid; an atom at exactly 0 is added.
_GRID = np.concatenate([[-np.inf], np.linspace(-12.0, 9.0, 106)])
_EM_STEPS, _EM_REPEATS = 400, 60
_EM_REPLICATES = 400
# Replicates that are refitted times kinds of prompts; and groups of kinds of the jackknife.
_REFITS, _JACKKNIFE = 200_000, 64
_PRIOR = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class SuccessLaw:
    """A fitted law of per-prompt success and what it predicts.

    Attributes:
      name: "beta-binomial" or "nonparametric".
      estimate, low, high: pass@k with 95 % interval for each asked k, shape (K,).
      log_likelihood: of the counts, in nats, without binomial coefficients.
      parameters: number of free parameters (for the mixture: its atoms above 0.5 prompts).
      values: alpha and beta, or the atoms and their weights.
      converged: whether the maximum of the likelihood was reached; the mixture is defined by its
        number of steps, and reaches that always.
    """

    name: str
    estimate: Float[np.ndarray, " K"]
    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]
    log_likelihood: float
    parameters: int
    values: dict[str, object]
    converged: bool


@dataclass(frozen=True, eq=False)
class Counts:
    """Distinct (correct, samples) pairs with the prompts that have each."""

    correct: Float[np.ndarray, " T"]
    samples: Float[np.ndarray, " T"]
    number: Float[np.ndarray, " T"]
    kind: Int[np.ndarray, " P"]

    @classmethod
    def of(cls, correct: Int[np.ndarray, " P"], samples: Int[np.ndarray, " P"]) -> Counts:
        """Collapse the prompts."""
        pairs, kind, number = np.unique(
            np.stack([correct, samples], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        return cls(pairs[:, 0].astype(float), pairs[:, 1].astype(float), number.astype(float), kind)

    def resampled(self, resampler: Resampler) -> Float[np.ndarray, "B T"]:
        """Prompts of each kind in each replicate."""
        indicator = np.zeros((self.kind.size, self.number.size), np.float32)
        indicator[np.arange(self.kind.size), self.kind] = self.kind.size
        return (resampler.weights @ indicator).astype(float)


def beta_binomial(counts: Counts, resampler: Resampler, ks: Float[np.ndarray, " K"]) -> SuccessLaw:
    """Beta law of success by marginal likelihood, with pass@k = 1 - B(α, β + k) / B(α, β).

    A faint log-normal prior on α and β keeps them finite where all prompts are alike. Each
    replicate is refitted.
    """
    best = _fit_beta(counts, counts.number[None])
    alpha_beta = best.logs
    # Replicates differ from the fit by a few standard errors, so a few more steps do.
    resampled = counts.resampled(resampler)[: max(_EM_REPLICATES, _REFITS // counts.number.size)]
    replicas = _fit_beta(counts, resampled, start=alpha_beta[0], steps=12, tolerance=1e-5).logs

    def predict(logs: Float[np.ndarray, "B 2"]) -> Float[np.ndarray, "B K"]:
        first, second = np.exp(logs)[:, :1], np.exp(logs)[:, 1:]
        return -np.expm1(
            special.gammaln(second + ks)
            - special.gammaln(second)
            + special.gammaln(first + second)
            - special.gammaln(first + second + ks)
        )

    step = 1e-5
    slope = np.stack(
        [
            (predict(alpha_beta + step * unit) - predict(alpha_beta - step * unit))[0] / (2 * step)
            for unit in np.eye(2)
        ]
    )
    influence = (best.scores[0] @ np.linalg.inv(best.information[0]) @ slope)[counts.kind]
    estimate = predict(alpha_beta)[0]
    interval = bca_interval(estimate, predict(replicas), influence)
    first, second = np.exp(alpha_beta[0])
    return SuccessLaw(
        name="beta-binomial",
        estimate=estimate,
        low=np.clip(interval.low, 0.0, 1.0),
        high=np.clip(interval.high, 0.0, 1.0),
        log_likelihood=float(counts.number @ _beta_log_likelihood(counts, first, second)),
        parameters=2,
        values={"alpha": float(first), "beta": float(second)},
        converged=bool(best.converged[0]),
    )


def _beta_log_likelihood(counts: Counts, first: float, second: float) -> Float[np.ndarray, " T"]:
    return special.betaln(
        first + counts.correct, second + counts.samples - counts.correct
    ) - special.betaln(first, second)


class _BetaFits(NamedTuple):
    """Beta laws fitted to several weightings of the counts.

    Attributes:
      logs: log α and log β.
      scores: gradient of the log likelihood of each kind of prompt.
      information: penalised, at the fit.
      converged: whether the last move was below the tolerance.
    """

    logs: Float[np.ndarray, "B 2"]
    scores: Float[np.ndarray, "B T 2"]
    information: Float[np.ndarray, "B 2 2"]
    converged: Bool[np.ndarray, " B"]


def _fit_beta(
    counts: Counts,
    number: Float[np.ndarray, "B T"],
    start: Float[np.ndarray, " 2"] | None = None,
    steps: int = 60,
    tolerance: float = 1e-9,
) -> _BetaFits:
    """Damped Newton in (log α, log β) for several weightings of the counts at once."""
    good, bad = counts.correct, counts.samples - counts.correct
    if start is None:
        share = (number @ good + 0.5) / (number @ counts.samples + 1.0)
        start = np.log(np.stack([share, 1.0 - share], axis=1))
    logs = np.broadcast_to(start, (number.shape[0], 2)).copy()
    score_first = score_second = np.zeros(number.shape)
    information = np.zeros((number.shape[0], 2, 2))
    converged = np.zeros(number.shape[0], bool)
    for step in range(steps + 1):
        first, second = np.exp(logs)[:, :1], np.exp(logs)[:, 1:]
        both, size = first + second, counts.samples
        common = special.digamma(both) - special.digamma(both + size)
        score_first = first * (special.digamma(first + good) - special.digamma(first) + common)
        score_second = second * (special.digamma(second + bad) - special.digamma(second) + common)
        gradient = np.stack(
            [(number * score_first).sum(axis=1), (number * score_second).sum(axis=1)], axis=1
        )
        gradient -= _PRIOR * logs
        # The trigamma function is the Hurwitz zeta function at 2.
        shared = special.zeta(2.0, both) - special.zeta(2.0, both + size)
        own = [
            special.zeta(2.0, parameter + count) - special.zeta(2.0, parameter)
            for parameter, count in ((first, good), (second, bad))
        ]
        information = np.empty((number.shape[0], 2, 2))
        for row, (parameter, score) in enumerate(((first, score_first), (second, score_second))):
            curvature = score + parameter**2 * (own[row] + shared)
            information[:, row, row] = _PRIOR - (number * curvature).sum(axis=1)
        cross = -(number * (first * second * shared)).sum(axis=1)
        information[:, 0, 1] = information[:, 1, 0] = cross
        eigen, vectors = np.linalg.eigh(information)
        information = (vectors * np.maximum(eigen, _PRIOR)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        if step == steps:
            break
        move = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        logs = np.clip(logs + np.clip(move, -1.0, 1.0), -12.0, 12.0)
        converged = np.abs(move).max(axis=1) < tolerance
        if converged.all():
            break
    scores = np.stack([score_first, score_second], axis=2)
    return _BetaFits(logs, scores, information, converged)


def nonparametric(counts: Counts, resampler: Resampler, ks: Float[np.ndarray, " K"]) -> SuccessLaw:
    """Mixture over a grid of success probabilities, 0 included, by expectation maximisation.

    Started from the uniform law and stopped after a fixed number of steps, which keeps the
    estimate continuous in the counts. Replicates go on from the fit.
    """
    chance = special.expit(_GRID)
    no = np.log1p(-chance)
    log = (
        special.xlogy(counts.correct[:, None], chance)
        + (counts.samples - counts.correct)[:, None] * no
    )
    peak = _peak(counts)
    likelihood = np.exp(log - peak[:, None])
    weights = _em(
        np.full((1, chance.size), 1.0 / chance.size), counts.number[None], likelihood, _EM_STEPS
    )
    replicated = counts.resampled(resampler)[:_EM_REPLICATES]
    replicas = _em(np.repeat(weights, replicated.shape[0], 0), replicated, likelihood, _EM_REPEATS)
    # Jackknife over kinds of prompts, neighbours together where there are many: one prompt less.
    size = counts.number.size
    group = np.arange(size) * min(size, _JACKKNIFE) // size
    members = (group == np.arange(group[-1] + 1)[:, None]) * counts.number
    kinds = counts.number - members / members.sum(axis=1, keepdims=True)
    without = _em(np.repeat(weights, kinds.shape[0], 0), kinds, likelihood, _EM_REPEATS)
    again = _em(weights, counts.number[None], likelihood, _EM_REPEATS)
    solved = -np.expm1(np.outer(no, ks))
    estimate = (weights @ solved)[0]
    influence = ((again - without) @ solved)[group[counts.kind]]
    # Replicates are a little further along; they are compared with a fit that is as well.
    interval = bca_interval(estimate, (replicas - again + weights) @ solved, influence)
    marginal = likelihood @ weights[0]
    prompts = counts.number.sum()
    kept = weights[0] * prompts > 0.5
    return SuccessLaw(
        name="nonparametric",
        estimate=estimate,
        low=np.clip(interval.low, 0.0, 1.0),
        high=np.clip(interval.high, 0.0, 1.0),
        log_likelihood=float(counts.number @ (np.log(marginal) + peak)),
        parameters=int(kept.sum()),
        values={"atoms": chance[kept].tolist(), "weights": weights[0][kept].tolist()},
        converged=True,
    )


def _peak(counts: Counts) -> Float[np.ndarray, " T"]:
    share = counts.correct / counts.samples
    return special.xlogy(counts.correct, share) + special.xlogy(
        counts.samples - counts.correct, 1.0 - share
    )


def _em(
    weights: Float[np.ndarray, "B G"],
    number: Float[np.ndarray, "B T"],
    likelihood: Float[np.ndarray, "T G"],
    steps: int,
) -> Float[np.ndarray, "B G"]:
    # Without its only prompt a jackknife replicate is empty, and its influence of no use.
    share = number / np.maximum(number.sum(axis=1, keepdims=True), 1.0)
    for _ in range(steps):
        marginal = weights @ likelihood.T
        weights = weights * ((share / np.maximum(marginal, 1e-300)) @ likelihood)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
