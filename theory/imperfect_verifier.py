"""Returns as a check that errs reports them: docs/theory.md#imperfect-verifiers.

A check accepts a correct trace with probability 1 - f_n and an incorrect one (return 0) with
probability f_p, independently of everything else. What selection by it earns, as by any score, is
in `scored_verifier`. All statements are beyond arXiv 2502.12118.
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
