"""A check that errs or a vote: which makes more of N samples, exactly on finite laws of answers.

The right answer of a prompt is accepted with probability 1 - f_n, a wrong one with probability f_p,
and best-of-N returns a random accepted sample, any of them where none is accepted. Errors are
fresh, drawn anew for each sample, or systematic, drawn once for each answer, so that equal answers
get equal verdicts. The vote looks at the answers alone. Source: docs/learners/erring-verifiers.md
(beyond arXiv 2502.12118).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from verigap.theory.arrays import host_array
from verigap.theory.frontier.crossings import Crossings, solve_crossings
from verigap.theory.laws import RewardLaw
from verigap.theory.scored_verifier import ScoredLaw, scored_best_of_n_value
from verigap.theory.self_consistency import vote_law

Errors = Literal["fresh", "systematic"]
"""Whether each sample's verdict errs by itself, or each answer's verdict is drawn once."""

Answers = Sequence[float] | Float[np.ndarray, " A"]
"""Probabilities of the answers of a prompt, the right one first."""

Success = Callable[
    [Float[np.ndarray, " points"], Float[np.ndarray, " points"]], Float[np.ndarray, " points"]
]
"""Success of best-of-N at false positive and false negative rates."""

MOST_WRONG = 16
"""Wrong answers at most under systematic errors, as all sets of accepted ones are enumerated."""


def vote_success(answers: Answers, num_candidates: int) -> float:
    """Probability that the vote of N samples is right; ties are split.

    Args:
      answers: probabilities of the answers, the right one first, summing to one.
      num_candidates: N, at least 1.

    Raises:
      ValueError: no law, or N and the answers have too many counts to enumerate.

    Example:
      >>> from verigap.theory.check_or_vote import vote_success
      >>> round(vote_success([0.4, 0.3, 0.3], 16), 3)
      0.541
    """
    return float(vote_law(_checked(answers), num_candidates)[0])


def checked_success(
    answers: Answers,
    num_candidates: int,
    false_positive: Float[np.ndarray, "*#points"] | float,
    false_negative: Float[np.ndarray, "*#points"] | float,
    *,
    errors: Errors = "fresh",
) -> Float[np.ndarray, "*points"]:
    """Probability that best-of-N by a check that errs is right.

    It never rises with either rate: a right sample that is rejected, or a wrong one that is
    accepted, never makes the pick better (docs/learners/erring-verifiers.md).

    Args:
      answers: probabilities of the answers, the right one first, summing to one. Under fresh errors
        only the first matters.
      num_candidates: N, at least 1.
      false_positive: f_p, chance that a wrong sample, or a wrong answer, is accepted.
      false_negative: f_n, chance that a right one is rejected.
      errors: "fresh" for each sample, or "systematic" for each answer.

    Raises:
      ValueError: no law, rates outside [0, 1], or more than `MOST_WRONG` wrong answers under
        systematic errors.

    Example:
      >>> from verigap.theory.check_or_vote import checked_success
      >>> law = [0.4, 0.3, 0.3]
      >>> [round(float(checked_success(law, 16, 0.2, 0.1, errors=each)), 3)
      ...  for each in ("fresh", "systematic")]
      [0.75, 0.78]
    """
    law = _checked(answers)
    rates = np.broadcast_arrays(np.asarray(false_positive, float), false_negative)
    accepted_wrong, missed = (np.asarray(rate, float).ravel() for rate in rates)
    if not all(((rate >= 0) & (rate <= 1)).all() for rate in (accepted_wrong, missed)):
        raise ValueError("false_positive, false_negative: rates are in [0, 1]")
    if errors == "fresh":
        value = _fresh(float(law[0]), num_candidates, accepted_wrong, missed)
    else:
        value = _systematic(law, num_candidates, accepted_wrong, missed)
    return value.reshape(rates[0].shape)


def _fresh(
    success: float,
    num_candidates: int,
    false_positive: Float[np.ndarray, " points"],
    false_negative: Float[np.ndarray, " points"],
) -> Float[np.ndarray, " points"]:
    """Success of best-of-N where verdicts are independent given which samples are right."""
    each = np.tile([1.0 - success, success], (len(false_positive), 1))
    law = RewardLaw(host_array([0.0, 1.0]), host_array(each))
    rates = (host_array(rate[:, None]) for rate in (false_positive, false_negative))
    return np.asarray(scored_best_of_n_value(ScoredLaw.from_roc(law, *rates), num_candidates))


def _systematic(
    law: Float[np.ndarray, " A"],
    num_candidates: int,
    false_positive: Float[np.ndarray, " points"],
    false_negative: Float[np.ndarray, " points"],
) -> Float[np.ndarray, " points"]:
    """Success of best-of-N where each answer's verdict is drawn once.

    Given the verdicts of the answers a sample's verdict is that of its answer: a check with fresh
    errors that accepts the accepted wrong answers' share of the wrong samples, and all or none of
    the right ones.
    """
    accepted, chosen = _subsets(law[1:])
    wrong = max(1.0 - float(law[0]), float(accepted.max()))
    share = np.minimum(accepted / wrong, 1.0) if wrong > 0 else np.zeros_like(accepted)
    taken, lost = (
        _fresh(float(law[0]), num_candidates, share, np.full_like(share, missed))
        for missed in (0.0, 1.0)
    )
    rate, others = false_positive[:, None], len(law) - 1 - chosen
    chance = rate**chosen * (1.0 - rate) ** others
    return (1.0 - false_negative) * (chance @ taken) + false_negative * (chance @ lost)


def _subsets(
    wrong: Float[np.ndarray, " W"],
) -> tuple[Float[np.ndarray, " sets"], Int[np.ndarray, " sets"]]:
    """Mass and number of the answers in every set of wrong answers."""
    if len(wrong) > MOST_WRONG:
        raise ValueError(
            f"answers: {len(wrong)} wrong ones; under systematic errors at most {MOST_WRONG} are "
            "enumerated"
        )
    member = np.arange(1 << len(wrong))[:, None] >> np.arange(len(wrong)) & 1
    return member @ wrong, member.sum(axis=1)


def vote_frontier(
    answers: Answers,
    num_candidates: int,
    false_positive: Float[np.ndarray, " points"],
    *,
    errors: Errors = "fresh",
) -> Crossings:
    """f_n at which best-of-N by the check is as good as the vote of the same N, at each f_p.

    Args:
      answers: probabilities of the answers, the right one first, summing to one.
      num_candidates: N, of both.
      false_positive: f_p, in [0, 1].
      errors: as for `checked_success`.

    Returns:
      As `false_negative_frontier`.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.check_or_vote import vote_frontier
      >>> found = vote_frontier([0.4, 0.3, 0.3], 16, np.array([0.0, 0.2, 0.6, 0.8]))
      >>> found.at.round(3).tolist(), found.first.round(3).tolist()
      ([0.956, 0.644, nan, nan], [0.459, 0.228, -0.015, -0.087])
    """
    false_positive = np.asarray(false_positive, float)
    return false_negative_frontier(
        lambda wrong, missed: checked_success(
            answers, num_candidates, wrong, missed, errors=errors
        ),
        false_positive,
        vote_success(answers, num_candidates),
    )


def false_negative_frontier(
    success: Success, false_positive: Float[np.ndarray, " points"], without: float
) -> Crossings:
    """f_n at which a success that falls with it meets a level, at each f_p.

    Args:
      success: of a check, at rates f_p and f_n; never rising with f_n.
      false_positive: f_p, in [0, 1].
      without: success of the other side, which has no check.

    Returns:
      Places f_n in [0, 1], NaN where there is none: there `first`, the lead of the check at
      f_n = 0, and `last`, that at f_n = 1, have one sign. The check is behind even if it misses no
      right answer, or ahead even if it misses them all.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.check_or_vote import false_negative_frontier
      >>> found = false_negative_frontier(lambda p, n: 1 - p - n / 2, np.array([0.1, 0.5]), 0.6)
      >>> found.at.round(3).tolist(), found.crosses.tolist()
      ([0.6, nan], [True, False])
    """
    # Roots are sought on a logarithmic scale of positive places: 1 + f_n reaches both ends.
    found = solve_crossings(
        lambda place, point: (
            success(false_positive[point], np.clip(place - 1.0, 0.0, 1.0)) - without
        ),
        np.ones(len(false_positive)),
        2.0,
        # One crossing at most, as the success never rises.
        steps=2,
        tolerance=1e-12,
    )
    return found._replace(at=np.clip(found.at - 1.0, 0.0, 1.0))


def _checked(answers: Answers) -> Float[np.ndarray, " A"]:
    law = np.asarray(answers, float)
    if law.ndim != 1 or not law.size or (law < 0).any() or abs(law.sum() - 1.0) > 1e-9:
        raise ValueError("answers: must be probabilities that sum to one")
    return law
