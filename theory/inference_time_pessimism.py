"""Best-of-N with inference-time pessimism: selection by a score that errs, on a leash.

Best-of-N trusts the highest score, however rare. Inference-time pessimism plays the best policy
for the score less beta/2 times its coverage C(pi) = E_pi[d pi / d pi_b] = 1 + chi-square: the
`chi2_penalised_policy` of the score, of density ratio (score - lambda)_+ / beta. Source: Huang et
al., arXiv 2503.21878; what it guarantees is proved at docs/theory.md#vb-upper-mean-square. Their
algorithm draws by rejection from a second batch; here the draw is from the same N samples, so that
it costs what best-of-N costs.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import host_array
from verigap.theory.laws import RewardLaw
from verigap.theory.multinomial import multinomial
from verigap.theory.policies import chi2_penalised_policy


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
    ratio = np.asarray(chi2_penalised_policy(drawn, regularisation))
    picked = types.probabilities @ (np.asarray(shares) * ratio)
    return np.where(base > 0, picked / np.where(base > 0, base, 1.0), 0.0)
