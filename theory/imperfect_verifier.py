"""Best-of-N and returns under a check that errs: docs/theory.md#imperfect-verifiers.

A check accepts a correct trace with probability 1 - f_n and an incorrect one (return 0) with
probability f_p, independently of everything else. All statements are beyond arXiv 2502.12118.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, as_in, set_at, xp
from verigap.theory.laws import RewardLaw


class ObservedReturns(NamedTuple):
    """What an imperfect check makes of a reward law.

    Attributes:
      law: of the return that the check reports, on the support of the true law (tokens).
      true_return: mean of the true return given the reported one, shape (*prompts, K); a policy of
        density ratio w to `law` earns E[w true_return].
    """

    law: RewardLaw
    true_return: Float[Array, "*prompts K"]


def acceptance(
    law: RewardLaw,
    false_positive: Float[Array, "*#prompts"] | float,
    false_negative: Float[Array, "*#prompts"] | float,
) -> Float[Array, "*prompts K"]:
    """Probability that the check accepts a trace of each return: f_p at 0, else 1 - f_n."""
    shape = law.mean.shape
    wrong, missed = (
        xp.broadcast_to(as_in(rate, law.probabilities), shape)[..., None]
        for rate in (false_positive, false_negative)
    )
    return xp.where(law.atoms > 0, 1.0 - missed, wrong)


def acceptance_rate(law: RewardLaw, accept: Float[Array, "*prompts K"]) -> Float[Array, "*prompts"]:
    """a = P(accepted), in [0, 1]."""
    return xp.clip(xp.sum(law.probabilities * accept, axis=-1), 0.0, 1.0)


def accepted_best_of_n_policy(
    law: RewardLaw, accept: Float[Array, "*prompts K"], num_candidates: Float[Array, ""] | float
) -> Float[Array, "*prompts K"]:
    """Density ratio, at most N, of a random accepted one of N traces; of any where none is.

    w(r) = accept(r) (1 - (1-a)^N) / a + (1 - accept(r)) (1-a)^(N-1), a the acceptance rate.
    """
    rate = acceptance_rate(law, accept)[..., None]
    certain = rate >= 1.0
    log_rejected = xp.log1p(-xp.where(certain, 0.0, rate))
    some = xp.where(certain, 1.0, -xp.expm1(num_candidates * log_rejected))
    # A check that accepts nothing keeps N draws equally likely: the limit of the first term is N.
    share = xp.where(rate > 0, some / xp.where(rate > 0, rate, 1.0), num_candidates)
    none = xp.exp((num_candidates - 1.0) * log_rejected)
    none = xp.where(certain, xp.where(num_candidates == 1.0, 1.0, 0.0), none)
    return accept * share + (1.0 - accept) * none


def accepted_best_of_n_value(
    law: RewardLaw, accept: Float[Array, "*prompts K"], num_candidates: Float[Array, ""] | float
) -> Float[Array, "*prompts"]:
    """Mean return of a random accepted one of N traces (tokens): A + (B - A)(1-a)^N.

    A and B are the mean returns of an accepted and of a rejected trace; it tends to A.
    """
    return law.expectation(accepted_best_of_n_policy(law, accept, num_candidates))


def precision(
    success: Float[Array, "*prompts"],
    false_positive: Float[Array, "*#prompts"] | float,
    false_negative: Float[Array, "*#prompts"] | float,
) -> Float[Array, "*prompts"]:
    """P(correct | accepted), the success of best-of-N as N grows; 0 where nothing is accepted."""
    hits = success * (1.0 - false_negative)
    accepted = hits + (1.0 - success) * false_positive
    return xp.where(accepted > 0, hits / xp.where(accepted > 0, accepted, 1.0), 0.0)


def best_num_candidates(
    law: RewardLaw, accept: Float[Array, "*prompts K"], most: int
) -> tuple[int, float]:
    """The N in 1..most with the largest mean value over prompts, and that value (tokens).

    On one prompt more draws never hurt if f_p + f_n <= 1. Over prompts whose error rates differ
    the value may rise and then fall, so N is searched, not set to `most`.
    """
    numbers = xp.arange(1, most + 1, dtype=law.probabilities.dtype)
    rate = acceptance_rate(law, accept)
    first = xp.ones_like(numbers[0])
    start = accepted_best_of_n_value(law, accept, first)
    limit = xp.sum(law.probabilities * accept * law.atoms, axis=-1)
    limit = xp.where(rate > 0, limit / xp.where(rate > 0, rate, 1.0), start)
    # V(N) = A + (V(1) - A) (1-a)^(N-1) on every prompt.
    decay = xp.power(1.0 - rate.reshape(-1, 1), (numbers - 1.0)[None])
    values = limit.reshape(-1, 1) + (start - limit).reshape(-1, 1) * decay
    mean = xp.mean(values, axis=0)
    best = int(xp.argmax(mean))
    return best + 1, float(mean[best])


def observed_returns(
    law: RewardLaw,
    false_positive: Float[Array, "*#prompts"] | float,
    false_negative: Float[Array, "*#prompts"] | float,
) -> ObservedReturns:
    """Returns as a check that errs reports them.

    A false negative shows 0. A false positive shows the return of a random correct trace of the
    prompt (the largest return of the support where the prompt has none), so that it cannot be
    distinguished from a correct one. The support must hold 0.
    """
    atoms, correct = law.atoms, law.atoms > 0
    mass = xp.where(correct, law.probabilities, 0.0)
    success = xp.sum(mass, axis=-1, keepdims=True)
    top = set_at(xp.zeros_like(mass), (..., -1), 1.0)
    shape = xp.where(success > 0, mass / xp.where(success > 0, success, 1.0), top)
    accept = acceptance(law, false_positive, false_negative)
    rate = acceptance_rate(law, accept)[..., None]
    accepted_mass = rate * shape
    # Zeros may be listed several times; the first one carries all that is rejected.
    zero = xp.cumsum((~correct).astype(mass.dtype), axis=-1) == 1.0
    zero = zero & ~correct
    probabilities = accepted_mass + xp.where(zero, 1.0 - rate, 0.0)
    hits = xp.sum(mass * accept, axis=-1, keepdims=True)
    sure = xp.where(rate > 0, hits / xp.where(rate > 0, rate, 1.0), 0.0)
    lost = xp.sum(mass * (1.0 - accept) * atoms, axis=-1, keepdims=True)
    behind = xp.where(rate < 1, lost / xp.where(rate < 1, 1.0 - rate, 1.0), 0.0)
    return ObservedReturns(
        RewardLaw(law.support, probabilities), xp.where(correct, sure * atoms, behind)
    )
