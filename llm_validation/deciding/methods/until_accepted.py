"""Draw samples one after another until a check accepts one, at most N: exactly, on pools.

With an exact check this is adaptive N per prompt at its best: easy prompts stop early, and what
they save goes to the others. With a score and a threshold it is a policy that checks its own trace
and tries again. If none is accepted the last one is returned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.methods.measured import MeasuredMethod
from verigap.llm_validation.deciding.outcomes import Outcomes


class Drawn(NamedTuple):
    """Expected samples of each prompt until one is accepted.

    Attributes:
      accepted: that are accepted: the probability that one is.
      rejected: that are not.
    """

    accepted: Float[np.ndarray, " P"]
    rejected: Float[np.ndarray, " P"]


def draws_until_accepted(
    accepted: Int[np.ndarray, " P"], sizes: Int[np.ndarray, " P"], most: int
) -> Drawn:
    """Expected draws without replacement until an accepted sample comes, at most N.

    Args:
      accepted: samples of each prompt that the check accepts.
      sizes: samples of each prompt, at least N.
      most: N, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.methods.until_accepted import draws_until_accepted
      >>> drawn = draws_until_accepted(np.array([1, 0]), np.array([2, 2]), most=2)
      >>> drawn.accepted.tolist(), drawn.rejected.tolist()
      ([1.0, 0.0], [0.5, 2.0])
    """
    # P(the first t are rejected) = C(K - A, t)/C(K, t), t = 0..N.
    t, wrong = np.arange(most + 1), (sizes - accepted)[:, None]
    log = (
        special.gammaln(wrong + 1.0)
        - special.gammaln(np.maximum(wrong - t, 0) + 1.0)
        - special.gammaln(sizes[:, None] + 1.0)
        + special.gammaln(sizes[:, None] - t + 1.0)
    )
    none = np.where(t <= wrong, np.exp(np.minimum(log, 0.0)), 0.0)
    # The t-th draw is made and rejected exactly where the first t are.
    return Drawn(1.0 - none[:, -1], none[:, 1:].sum(axis=1))


def until_accepted(
    method: str, found: Outcomes, accept: Bool[np.ndarray, "P K"], most: int, *, checked: bool
) -> MeasuredMethod:
    """The first accepted of at most N samples, else the last.

    It is a random accepted one of N, as the order is random, and costs only what is drawn.

    Args:
      method: its name.
      found: the samples; each prompt has at least N.
      accept: which samples the check accepts.
      most: N.
      checked: whether the check asks for verdicts, rather than for a score of the samples.
    """
    accept = accept & found.mask
    drawn = draws_until_accepted(accept.sum(axis=1), found.sizes, most)
    values = arms.best_scored(accept.astype(float), found.rewards["accuracy"], found.mask, most)
    length = np.where(found.mask, found.length, 0.0)
    kinds = ((accept, drawn.accepted), (found.mask & ~accept, drawn.rejected))
    tokens = sum(
        (
            count * (length * kind).sum(axis=1) / np.maximum(kind.sum(axis=1), 1)
            for kind, count in kinds
        ),
        np.zeros(len(values)),
    )
    samples = drawn.accepted + drawn.rejected
    return MeasuredMethod(
        method=method,
        values=values,
        samples=samples,
        tokens=tokens,
        checks=float(samples.mean()) if checked else 0.0,
    )


def until_right(found: Outcomes, most: int) -> MeasuredMethod:
    """The same with an exact check: pass@N at the cost of what is drawn.

    Args:
      found: the samples; each prompt has at least N.
      most: N.
    """
    right = found.rewards["accuracy"] > 0
    return until_accepted("until_right", found, right, most, checked=True)
