"""Cloning with limited confidence for pass@N, exactly on finite laws.

Log-loss cloning rewards confidence without end, and pass@N pays for answers beyond the likeliest.
Where N samples will be drawn and checked, the loss -ln(1 - (1 - p)^N) of the demonstrated answer's
probability p is the log-loss of at least one of them being right. Its gradient is that of log-loss
times a weight that falls from 1 at p = 0 to 0 at p = 1, so that p is pushed little beyond a few
N-ths. Source: Chen et al., arXiv 2502.07154; the exact values are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, host_array, xp
from verigap.theory.multinomial import multinomial


def pass_at_n(
    policy: Float[Array, "*batch A"], truth: Float[Array, "*#batch A"], num_candidates: float
) -> Float[Array, "*batch"]:
    """Probability that one of N independent samples is the right answer.

    Args:
      policy: probabilities of the A answers.
      truth: probability that each is the right one, summing to one.
      num_candidates: N, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.limited_confidence import pass_at_n
      >>> truth = np.array([0.6, 0.4])
      >>> [float(pass_at_n(np.array(p), truth, 2.0)) for p in ([1.0, 0.0], [0.5, 0.5])]
      [0.6, 0.75]
    """
    return xp.sum(truth * (1.0 - (1.0 - policy) ** num_candidates), axis=-1)


def limited_loss(
    probability: Float[Array, "*batch"], num_candidates: float
) -> Float[Array, "*batch"]:
    """-ln(1 - (1 - p)^N), in nats; log-loss at N = 1.

    Args:
      probability: p in (0, 1], of the demonstrated answer.
      num_candidates: N, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.limited_confidence import limited_loss
      >>> [round(float(limited_loss(np.float64(0.5), n)), 3) for n in (1.0, 2.0, 8.0)]
      [0.693, 0.288, 0.004]
    """
    certain = probability >= 1.0
    missed = xp.exp(num_candidates * xp.log1p(-xp.where(certain, 0.0, probability)))
    return -xp.log1p(-xp.where(certain, 0.0, missed))


def confidence_weight(
    probability: Float[Array, "*batch"], num_candidates: float
) -> Float[Array, "*batch"]:
    """The gradient of `limited_loss` over that of log-loss: N p (1-p)^(N-1) / (1 - (1-p)^N).

    Args:
      probability: p in [0, 1], of the demonstrated answer.
      num_candidates: N, at least 1.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.limited_confidence import confidence_weight
      >>> [round(float(confidence_weight(np.float64(p), 8.0)), 3) for p in (0.0, 0.1, 0.5)]
      [1.0, 0.672, 0.031]
    """
    kept = 1.0 - probability
    some = 1.0 - kept**num_candidates
    weight = num_candidates * probability * kept ** (num_candidates - 1.0)
    return xp.where(some > 0, weight / xp.where(some > 0, some, 1.0), 1.0)


def cloned_policies(
    frequencies: Float[np.ndarray, "*batch A"],
    trained_for: float,
    steps: Sequence[int],
    rate: float = 1.0,
) -> Float[np.ndarray, "*batch steps A"]:
    """Softmax policies after some steps of gradient descent on the limited loss, from uniform.

    Args:
      frequencies: shares of the answers among the demonstrations.
      trained_for: N of the loss; 1 is log-loss cloning.
      steps: numbers of steps, ascending from 0.
      rate: of the steps.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.limited_confidence import cloned_policies
      >>> policies = cloned_policies(np.array([0.75, 0.25]), 1.0, (0, 1000))
      >>> policies.round(3).tolist()
      [[0.5, 0.5], [0.75, 0.25]]
    """
    logits, kept = np.zeros(frequencies.shape), []
    for step in range(steps[-1] + 1):
        shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
        policy = shifted / shifted.sum(axis=-1, keepdims=True)
        if step in steps:
            kept.append(policy)
        pull = frequencies * np.asarray(confidence_weight(host_array(policy), trained_for))
        logits = logits + rate * (pull - pull.sum(axis=-1, keepdims=True) * policy)
    return np.stack(kept, axis=-2)


def expected_pass_at_n(
    truth: Float[np.ndarray, " A"],
    demonstrations: int,
    trained_for: float,
    num_candidates: float,
    steps: Sequence[int],
    rate: float = 1.0,
) -> Float[np.ndarray, " steps"]:
    """Mean pass@N of the cloned policy over n demonstrations, after some steps.

    Prompts look alike, and the right answer of each is drawn from a law, so that a demonstration is
    a draw of it. Exact, over all types of n demonstrations.

    Args:
      truth: the law of the right answer.
      demonstrations: n, at least 1.
      trained_for: N of the loss; 1 is log-loss cloning.
      num_candidates: N that is drawn and checked.
      steps: numbers of steps of gradient descent, ascending from 0.
      rate: of the steps.

    Raises:
      ValueError: n and the answers have too many types to enumerate.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.limited_confidence import expected_pass_at_n
      >>> truth, steps = np.array([0.5, 0.3, 0.2]), (0, 10, 1000)
      >>> plain = expected_pass_at_n(truth, 3, 1.0, 8.0, steps)
      >>> limited = expected_pass_at_n(truth, 3, 8.0, 8.0, steps)
      >>> plain.round(3).tolist(), limited.round(3).tolist()
      ([0.961, 0.801, 0.718], [0.961, 0.952, 0.805])
    """
    types = multinomial(truth, demonstrations)
    policies = cloned_policies(types.counts / demonstrations, trained_for, steps, rate)
    earned = pass_at_n(host_array(policies), host_array(truth), num_candidates)
    return types.probabilities @ np.asarray(earned)
