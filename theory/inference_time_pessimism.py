"""Best-of-N with inference-time pessimism: selection by a score that errs, on a leash.

Best-of-N trusts the highest score, however rare. Inference-time pessimism plays the best policy
for the score less beta/2 times its coverage C(pi) = E_pi[d pi / d pi_b] = 1 + chi-square, whose
density ratio is (score - lambda)_+ / beta. Source: Huang et al., arXiv 2503.21878; proofs in
docs/learners/at-test-time.md. Their algorithm draws by rejection from a second batch; here the
draw is from the same N samples, so that it costs what best-of-N costs.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, as_in, host_array, xp
from verigap.theory.experts import upper_partial_moments
from verigap.theory.laws import RewardLaw
from verigap.theory.multinomial import multinomial


def pessimistic_threshold(
    scores: RewardLaw, regularisation: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts"]:
    """The lambda with E(score - lambda)_+ = beta.

    E(score - lambda)_+ is convex and piecewise linear in lambda, so it is the largest of its
    pieces, and lambda the largest of their roots.

    Args:
      scores: law of the score under the base, of shape (*prompts, K), in any unit.
      regularisation: beta > 0, in the unit of the score; a number or one a prompt.

    Returns:
      Thresholds, below the largest score, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.inference_time_pessimism import pessimistic_threshold
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 1.0]))
      >>> [float(pessimistic_threshold(law, beta)) for beta in (0.25, 2.0)]
      [0.5, -1.5]
    """
    beta = xp.broadcast_to(as_in(regularisation, scores.probabilities), scores.mean.shape)[
        ..., None
    ]
    above, excess, _ = upper_partial_moments(scores)
    charged = above > 0
    slope = xp.where(charged, above, 1.0)
    roots = xp.where(charged, scores.atoms + (excess - beta) / slope, -xp.inf)
    return xp.maximum(xp.max(roots, axis=-1), scores.mean - beta[..., 0])


def pessimistic_policy(
    scores: RewardLaw, regularisation: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts K"]:
    """Density ratio (score - lambda)_+ / beta: what N tending to infinity gives.

    Formal guarantee: with eps^2 = E_b (score - reward)^2 it earns at least J(pi) - eps sqrt(C) -
    beta C/2 - eps^2/(2 beta) for every policy pi of coverage C (docs/learners/at-test-time.md).

    Args:
      scores: law of the score under the base, of shape (*prompts, K).
      regularisation: beta > 0, in the unit of the score.

    Returns:
      Density ratio to the base on every atom, of base mean 1, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.inference_time_pessimism import pessimistic_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 1.0]))
      >>> pessimistic_policy(law, 1.0).tolist()
      [0.5, 1.5]
    """
    beta = xp.broadcast_to(as_in(regularisation, scores.probabilities), scores.mean.shape)[
        ..., None
    ]
    threshold = pessimistic_threshold(scores, regularisation)[..., None]
    return xp.maximum(scores.atoms - threshold, 0.0) / beta


def pessimistic_best_of_n_policy(
    scores: RewardLaw, num_candidates: int, regularisation: float
) -> Float[np.ndarray, " K"]:
    """Density ratio of a draw from N samples with the weights of their own pessimistic policy.

    Exact, over all types of N samples. N = 1 is the base; beta -> 0 is best-of-N.

    Args:
      scores: law of the score under the base, of shape (K,), on one prompt.
      num_candidates: N, at least 1.
      regularisation: beta > 0, in the unit of the score.

    Returns:
      Density ratio to the base on every atom, at most N; 0 on atoms of probability 0.

    Raises:
      ValueError: N and K have too many types to enumerate.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.inference_time_pessimism import pessimistic_best_of_n_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 1.0]))
      >>> pessimistic_best_of_n_policy(law, 2, 1.0).tolist()
      [0.75, 1.25]
    """
    base = np.asarray(scores.probabilities, float)
    types = multinomial(base, num_candidates)
    shares = host_array(types.counts / num_candidates)
    drawn = RewardLaw(host_array(scores.support), shares)
    ratio = np.asarray(pessimistic_policy(drawn, regularisation))
    picked = types.probabilities @ (np.asarray(shares) * ratio)
    return np.where(base > 0, picked / np.where(base > 0, base, 1.0), 0.0)


def pessimism_regret_bound(
    squared_error: Float[Array, "*batch"] | float,
    coverage: Float[Array, "*batch"] | float,
    regularisation: Float[Array, "*batch"] | float,
) -> Float[Array, "*batch"]:
    """Most that the pessimistic policy of beta may lose to a policy: eps sqrt(C) + ....

    beta C/2 + eps^2/(2 beta) are the rest; at beta = eps/sqrt(C) the sum is 2 eps sqrt(C).

    Args:
      squared_error: eps^2 = E_b (score - reward)^2 of the prompt, at least 0.
      coverage: C = E_pi[d pi / d pi_b] = 1 + chi-square of the policy, at least 1.
      regularisation: beta > 0.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.inference_time_pessimism import pessimism_regret_bound
      >>> float(pessimism_regret_bound(np.float64(0.01), 4.0, 0.05))
      0.4
    """
    root = xp.sqrt(squared_error * coverage)
    return root + regularisation * coverage / 2.0 + squared_error / (2.0 * regularisation)
