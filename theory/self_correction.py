"""Self-verify, then correct: a policy that checks its own attempt and tries again, exactly.

Attempts form a Markov chain. The first is right with probability p. A check accepts a right attempt
with probability 1 - f_n and a wrong one with f_p; an accepted attempt is the answer. A rejected
wrong one is turned into a right one with probability q, a rejected right one stays right with
probability s. The last of at most T attempts is the answer whatever the check says. Source: the
policy is that of S2R, Ma et al., arXiv 2502.12853; the chain and its values are ours.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, xp


class SelfCorrection(NamedTuple):
    """Rates of the policy on each prompt, all in [0, 1].

    Attributes:
      first: p, that the first attempt is right.
      corrected: q, that the attempt after a rejected wrong one is right.
      kept: s, that the attempt after a rejected right one is right.
      false_positive: f_p, that the check accepts a wrong attempt.
      false_negative: f_n, that it rejects a right one.
    """

    first: Float[Array, "*prompts"]
    corrected: Float[Array, "*prompts"]
    kept: Float[Array, "*prompts"]
    false_positive: Float[Array, "*prompts"]
    false_negative: Float[Array, "*prompts"]


class CorrectedAnswer(NamedTuple):
    """What at most T attempts give.

    Attributes:
      success: probability that the answer is right.
      attempts: expected attempts.
      checks: expected checks; the last attempt is not checked.
    """

    success: Float[Array, "*prompts"]
    attempts: Float[Array, "*prompts"]
    checks: Float[Array, "*prompts"]

    def tokens(self, attempt: float, check: float) -> Float[Array, "*prompts"]:
        """Expected tokens.

        Args:
          attempt: mean tokens of an attempt.
          check: mean tokens of a check.
        """
        return attempt * self.attempts + check * self.checks


def corrected_answer(policy: SelfCorrection, most: int) -> CorrectedAnswer:
    """The answer of at most T attempts.

    Where corrections are fresh attempts (q = s = p) the success is that of best-of-N with N = T by
    a check with these rates (`scored_verifier`), at the cost of the attempts that are made.

    Args:
      policy: its rates.
      most: T, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.self_correction import SelfCorrection, corrected_answer
      >>> policy = SelfCorrection(*map(np.float64, (0.4, 0.4, 0.4, 0.1, 0.2)))
      >>> [round(float(corrected_answer(policy, most).success), 3) for most in (1, 2, 8)]
      [0.4, 0.568, 0.827]
      >>> round(float(corrected_answer(policy, 8).tokens(500.0, 50.0)), 0)
      1414.0
    """
    right, wrong = policy.first, 1.0 - policy.first
    success = xp.zeros_like(right)
    attempts, checks = xp.zeros_like(right), xp.zeros_like(right)
    for _ in range(most - 1):
        attempts, checks = attempts + right + wrong, checks + right + wrong
        success = success + right * (1.0 - policy.false_negative)
        missed, caught = right * policy.false_negative, wrong * (1.0 - policy.false_positive)
        right = missed * policy.kept + caught * policy.corrected
        wrong = missed * (1.0 - policy.kept) + caught * (1.0 - policy.corrected)
    return CorrectedAnswer(success + right, attempts + right + wrong, checks)


def corrected_limit(policy: SelfCorrection) -> Float[Array, "*prompts"]:
    """Success as T tends to infinity: of the attempt that is accepted at last.

    The expected numbers of right and wrong attempts solve two linear equations. NaN where an
    attempt may be rejected for ever.

    Args:
      policy: its rates.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.self_correction import SelfCorrection, corrected_limit
      >>> policy = SelfCorrection(*map(np.float64, (0.4, 0.4, 0.4, 0.1, 0.2)))
      >>> round(float(corrected_limit(policy)), 3)  # the precision of the check
      0.842
    """
    stays = policy.false_negative * policy.kept
    turns = (1.0 - policy.false_positive) * policy.corrected
    leaves = policy.false_negative * (1.0 - policy.kept)
    fails = (1.0 - policy.false_positive) * (1.0 - policy.corrected)
    # (I - M)^-1 of the rejected attempts M, applied to the first one.
    determinant = (1.0 - stays) * (1.0 - fails) - turns * leaves
    visits = policy.first * (1.0 - fails) + (1.0 - policy.first) * turns
    ends = determinant > 0
    found = visits / xp.where(ends, determinant, 1.0) * (1.0 - policy.false_negative)
    return xp.where(ends, found, xp.nan)
