"""Best-of-N and returns under a check that errs: docs/theory.md#imperfect-verifiers.

A check accepts a correct trace with probability 1 - f_n and an incorrect one (return 0) with
probability f_p, independently of everything else. All statements are beyond arXiv 2502.12118.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

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
    shape, dtype = law.mean.shape, law.probabilities.dtype
    wrong, missed = (
        jnp.broadcast_to(jnp.asarray(rate, dtype), shape)[..., None]
        for rate in (false_positive, false_negative)
    )
    return jnp.where(law.atoms > 0, 1.0 - missed, wrong)


def acceptance_rate(law: RewardLaw, accept: Float[Array, "*prompts K"]) -> Float[Array, "*prompts"]:
    """a = P(accepted), in [0, 1]."""
    return jnp.clip(jnp.sum(law.probabilities * accept, axis=-1), 0.0, 1.0)


def accepted_best_of_n_policy(
    law: RewardLaw, accept: Float[Array, "*prompts K"], num_candidates: Float[Array, ""] | float
) -> Float[Array, "*prompts K"]:
    """Density ratio, at most N, of a random accepted one of N traces; of any where none is.

    w(r) = accept(r) (1 - (1-a)^N) / a + (1 - accept(r)) (1-a)^(N-1), a the acceptance rate.
    """
    rate = acceptance_rate(law, accept)[..., None]
    certain = rate >= 1.0
    log_rejected = jnp.log1p(-jnp.where(certain, 0.0, rate))
    some = jnp.where(certain, 1.0, -jnp.expm1(num_candidates * log_rejected))
    # A check that accepts nothing keeps N draws equally likely: the limit of the first term is N.
    share = jnp.where(rate > 0, some / jnp.where(rate > 0, rate, 1.0), num_candidates)
    none = jnp.exp((num_candidates - 1.0) * log_rejected)
    none = jnp.where(certain, jnp.where(num_candidates == 1.0, 1.0, 0.0), none)
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
    return jnp.where(accepted > 0, hits / jnp.where(accepted > 0, accepted, 1.0), 0.0)


def best_num_candidates(
    law: RewardLaw, accept: Float[Array, "*prompts K"], most: int
) -> tuple[int, float]:
    """The N in 1..most with the largest mean value over prompts, and that value (tokens).

    On one prompt more draws never hurt if f_p + f_n <= 1. Over prompts whose error rates differ
    the value may rise and then fall, so N is searched, not set to `most`.
    """
    numbers = jnp.arange(1, most + 1, dtype=law.probabilities.dtype)
    rate = acceptance_rate(law, accept)
    first = jnp.ones_like(numbers[0])
    start = accepted_best_of_n_value(law, accept, first)
    limit = jnp.sum(law.probabilities * accept * law.atoms, axis=-1)
    limit = jnp.where(rate > 0, limit / jnp.where(rate > 0, rate, 1.0), start)
    # V(N) = A + (V(1) - A) (1-a)^(N-1) on every prompt.
    decay = jnp.power(1.0 - rate.reshape(-1, 1), (numbers - 1.0)[None])
    values = limit.reshape(-1, 1) + (start - limit).reshape(-1, 1) * decay
    mean = jnp.mean(values, axis=0)
    best = int(jnp.argmax(mean))
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
    mass = jnp.where(correct, law.probabilities, 0.0)
    success = jnp.sum(mass, axis=-1, keepdims=True)
    top = jnp.zeros_like(mass).at[..., -1].set(1.0)
    shape = jnp.where(success > 0, mass / jnp.where(success > 0, success, 1.0), top)
    accept = acceptance(law, false_positive, false_negative)
    rate = acceptance_rate(law, accept)[..., None]
    accepted_mass = rate * shape
    # Zeros may be listed several times; the first one carries all that is rejected.
    zero = jnp.cumsum((~correct).astype(mass.dtype), axis=-1) == 1.0
    zero = zero & ~correct
    probabilities = accepted_mass + jnp.where(zero, 1.0 - rate, 0.0)
    hits = jnp.sum(mass * accept, axis=-1, keepdims=True)
    sure = jnp.where(rate > 0, hits / jnp.where(rate > 0, rate, 1.0), 0.0)
    lost = jnp.sum(mass * (1.0 - accept) * atoms, axis=-1, keepdims=True)
    behind = jnp.where(rate < 1, lost / jnp.where(rate < 1, 1.0 - rate, 1.0), 0.0)
    return ObservedReturns(
        RewardLaw(law.support, probabilities), jnp.where(correct, sure * atoms, behind)
    )
