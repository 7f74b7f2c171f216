"""What selection by a verifier's score earns on a reward law, from the score's ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.sweeps.laws import LawSpec, TableSpec
from verigap.theory import RewardLaw, ScoredLaw, rejection_value, roc_of, scored_best_of_n_value
from verigap.theory.arrays import Array, host_array, running_sum
from verigap.theory.scored_verifier import best_num_candidates

RocPoints = Sequence[tuple[float, float]]
"""Error rates (false positive, false negative) at the thresholds of a score, strictest first."""


@dataclass(frozen=True, kw_only=True)
class ThresholdValue:
    """Rejection sampling at one threshold of the score: draw until a trace reaches it.

    Attributes:
      false_positive, false_negative: of the check that accepts from this threshold on.
      value: mean return of the accepted trace; None where some prompt has none to accept.
      draws: mean number of traces drawn; infinite where some prompt has none to accept.
    """

    false_positive: float
    false_negative: float
    value: float | None
    draws: float


@dataclass(frozen=True, kw_only=True)
class ScoreSelection:
    """Exact values of selection by a score, on average over prompts, in the unit of the returns.

    Attributes:
      success: share of the base's traces whose return is positive.
      area: under the ROC curve, with straight lines between its points.
      base: mean return of one trace.
      num_candidates: N.
      best_of_n: mean return of the best scored of N traces.
      rejection: mean return of the best 1/N by the score, which rejection draws N times for on
        average.
      best_num_candidates: the smallest N of the largest mean return of best-of-N; more candidates
        are worth no more. None where it rises towards its limit without end.
      best_value: mean return of best-of-N there, or the limit.
      limit: of best-of-N and of rejection as N grows.
      thresholds: rejection at each point of the curve.
    """

    success: float
    area: float
    base: float
    num_candidates: int
    best_of_n: float
    rejection: float
    best_num_candidates: int | None
    best_value: float
    limit: float
    thresholds: tuple[ThresholdValue, ...]

    @property
    def falls(self) -> bool:
        """Whether more candidates than the best number are worth less."""
        return self.best_num_candidates is not None and self.limit < self.best_value


def checked_roc(roc: RocPoints) -> tuple[Float[Array, " T"], Float[Array, " T"]]:
    """False positive and false negative rates of the points.

    Raises:
      ValueError: a rate is no share, or the points are not in the order of the thresholds.
    """
    points = np.asarray(roc, float).reshape(-1, 2)
    if not ((points >= 0) & (points <= 1)).all():
        raise ValueError("roc: error rates must be in [0, 1]")
    for (wrong, missed), (more, fewer) in pairwise(points.tolist()):
        if more < wrong or fewer > missed:
            raise ValueError(
                "roc: from the strictest threshold on, false positives must rise and false "
                f"negatives fall, not {wrong:g}:{missed:g} before {more:g}:{fewer:g}"
            )
    return host_array(points[:, 0]), host_array(points[:, 1])


def law_as_given(law: RewardLaw | LawSpec | str, horizon: int) -> RewardLaw:
    """The law itself, before the relabelling game makes equally likely traces of it.

    Args:
      law: as `verigap.calculate` takes it, but for moments.
      horizon: H.
    """
    spec: Any = law
    if isinstance(spec, str):
        if spec == "two-level":
            return RewardLaw.equiprobable(host_array([[0.0, float(horizon)]]))
        spec = TableSpec(family="table", table=spec)
    if isinstance(spec, TableSpec):
        chosen = spec.read(Path()).select(horizon, dataset=spec.dataset, model=spec.model)
        spec = RewardLaw.checked(chosen.support, chosen.probabilities)
    elif hasattr(spec, "law"):
        spec.check(horizon)
        spec = spec.law(horizon)
    elif not isinstance(spec, RewardLaw):
        return RewardLaw.equiprobable(host_array(spec.atoms(horizon, 0, Path()).returns))
    return RewardLaw(
        host_array(np.asarray(spec.support)), host_array(np.atleast_2d(spec.probabilities))
    )


def score_selection(law: RewardLaw, roc: RocPoints, num_candidates: int) -> ScoreSelection:
    """Best-of-N and rejection sampling by a score with a known ROC curve, exactly.

    Every prompt has the same curve; a trace is right if its return is positive. Source:
    docs/theory.md#verifiers-with-a-score, after Dorner et al., arXiv 2507.12399.

    Args:
      law: NumPy reward laws of the base, shape (prompts, K).
      roc: error rates at the thresholds of the score, strictest first.
      num_candidates: N, at least 1.

    Raises:
      ValueError: the points are no ROC curve.

    Example:
      >>> from verigap.sim.score_selection import score_selection
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.arrays import host_array
      >>> law = RewardLaw.equiprobable(host_array([[0.0, 0.0, 0.0, 8.0]]))
      >>> found = score_selection(law, [(0.01, 0.95), (0.1, 0.2)], 8)
      >>> round(found.best_of_n, 2), found.best_num_candidates, round(found.limit, 2)
      (5.34, 15, 5.0)
    """
    scored = ScoredLaw.from_roc(law, *checked_roc(roc))
    best = best_num_candidates(scored)
    # The curve of one prompt that has right and wrong traces is that of all.
    even = RewardLaw.equiprobable(host_array([0.0, 1.0]))
    area = roc_of(ScoredLaw.from_roc(even, *checked_roc(roc))).area

    def mean(values: Any) -> float:
        return float(np.mean(np.asarray(values)))

    return ScoreSelection(
        success=mean(np.sum(np.where(law.atoms > 0, law.probabilities, 0.0), axis=-1)),
        area=float(area),
        base=mean(law.mean),
        num_candidates=num_candidates,
        best_of_n=mean(scored_best_of_n_value(scored, float(num_candidates))),
        rejection=mean(rejection_value(scored, 1.0 / num_candidates)),
        best_num_candidates=best.num_candidates,
        best_value=best.value,
        limit=best.limit,
        thresholds=_thresholds(scored, roc),
    )


def _thresholds(scored: ScoredLaw, roc: RocPoints) -> tuple[ThresholdValue, ...]:
    """Rejection at each threshold, from the strictest one on."""
    reached = np.asarray(running_sum(scored.scores.probabilities, reverse=True))
    found = []
    for (wrong, missed), share in zip(roc, np.flip(reached[..., 1:], -1).T, strict=True):
        some = bool((share > 0).all())
        value = float(np.mean(rejection_value(scored, host_array(share)))) if some else None
        found.append(
            ThresholdValue(
                false_positive=float(wrong),
                false_negative=float(missed),
                value=value,
                draws=float(np.mean(1.0 / share)) if some else float("inf"),
            )
        )
    return tuple(found)
