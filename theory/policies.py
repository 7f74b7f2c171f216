"""Policies over a finite reward law, given as density ratios to the base policy."""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, as_in, running_maximum, running_minimum, running_sum, xp
from verigap.theory.coverage import level_coverage, level_slack
from verigap.theory.laws import RewardLaw


def _mass_at_least(law: RewardLaw) -> Float[Array, "*prompts K"]:
    """P(R >= r) at every atom, equal atoms counted one after the other."""
    return xp.flip(xp.cumsum(xp.flip(law.probabilities, axis=-1), axis=-1), axis=-1)


def _tail_masses(
    law: RewardLaw,
) -> tuple[Float[Array, "*prompts K"], Float[Array, "*prompts K"]]:
    """P(R >= r) and P(R > r) at every atom, the same for atoms of equal return."""
    at_least = xp.clip(_mass_at_least(law), 0.0, 1.0)
    above = xp.clip(at_least - law.probabilities, 0.0, 1.0)
    differs = xp.diff(law.atoms, axis=-1) > 0
    edge = xp.ones_like(law.atoms[..., :1], dtype=bool)
    opens_run = xp.concatenate([edge, differs], axis=-1)
    closes_run = xp.concatenate([differs, edge], axis=-1)
    at_least = running_minimum(xp.where(opens_run, at_least, xp.inf))
    above = running_maximum(xp.where(closes_run, above, -xp.inf), reverse=True)
    return at_least, above


def top_share_policy(
    law: RewardLaw, share: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts K"]:
    """Policy that plays the best `share` of the base traces.

    Its density ratio is 1/share on the top atoms; the last of them may be split. Lemma 4: with the
    top-share coverage of J*(kappa) it is at least as good as every policy of the chi-square ball.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      share: in (0, 1]; a number or one a prompt.

    Returns:
      Density ratio to the base on every atom, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, top_share_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> top_share_policy(law, 0.5).tolist()
      [0.0, 2.0]
    """
    share = xp.broadcast_to(as_in(share, law.probabilities), law.mean.shape)[..., None]
    at_least = _mass_at_least(law)
    taken = xp.clip(share - (at_least - law.probabilities), 0.0, law.probabilities)
    charged = law.probabilities > 0
    fraction = xp.where(charged, taken / xp.where(charged, law.probabilities, 1.0), 0.0)
    return fraction / share


def conditional_policy(
    law: RewardLaw, level: Float[Array, "*#prompts"]
) -> Float[Array, "*prompts K"]:
    """The base given R >= `level`: the density ratio is 1/P(R >= level) there and 0 below.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      level: tokens, at most the largest return; one for all prompts or one a prompt.

    Returns:
      Density ratio to the base on every atom, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, conditional_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> conditional_policy(law, np.asarray(6.0)).tolist()
      [0.0, 2.0]
    """
    level = xp.broadcast_to(as_in(level, law.probabilities), law.mean.shape)
    coverage = level_coverage(law, level)[..., None]
    reached = (law.atoms >= (level - level_slack(law))[..., None]) & (law.probabilities > 0)
    return xp.where(reached, 1.0 / coverage, 0.0)


def greedy_policy(law: RewardLaw) -> Float[Array, "*prompts K"]:
    """The base given that its return is the largest of the prompt.

    Args:
      law: reward laws of the base, of shape (*prompts, K).

    Returns:
      Density ratio to the base on every atom, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, greedy_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> greedy_policy(law).tolist()
      [0.0, 2.0]
    """
    return conditional_policy(law, law.maximum)


def best_of_n_policy(
    law: RewardLaw, num_candidates: Float[Array, ""] | float
) -> Float[Array, "*prompts K"]:
    """Policy that draws N base traces and plays the best of them under an exact verifier.

    Computed from the distribution function: P(best > r) = 1 - (1 - P(R > r))^N, through log1p and
    expm1, so that rare successes survive float32. Traces of equal return are equally likely to be
    the one picked.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      num_candidates: N, at least 1; need not be whole.

    Returns:
      Density ratio to the base on every atom, at most N, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, best_of_n_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> [round(ratio, 3) for ratio in best_of_n_policy(law, 2.0).tolist()]
      [0.5, 1.5]
    """
    at_least, above = _tail_masses(law)

    def any_hits(mass: Float[Array, "*prompts K"]) -> Float[Array, "*prompts K"]:
        # Events of probability 1 are set apart, because the gradient of N ln 0 is NaN.
        certain = mass >= 1.0
        some = -xp.expm1(num_candidates * xp.log1p(-xp.where(certain, 0.0, mass)))
        return xp.where(certain, 1.0, some)

    charged = at_least > above
    ratio = (any_hits(at_least) - any_hits(above)) / xp.where(charged, at_least - above, 1.0)
    return xp.where(charged, ratio, 0.0)


def best_of_n_law(law: RewardLaw, num_candidates: Float[Array, ""] | float) -> RewardLaw:
    """Law of the return of the best of N independent base traces.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      num_candidates: N, at least 1.

    Returns:
      The law on the same support, in tokens.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, best_of_n_law
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> round(float(best_of_n_law(law, 2.0).mean), 3)
      6.0
    """
    return RewardLaw(law.support, law.probabilities * best_of_n_policy(law, num_candidates))


def chi2_penalised_policy(
    law: RewardLaw, penalty: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts K"]:
    """The policy of the largest mean return less half the penalty times E_base[ratio^2].

    Its density ratio is (R - a)_+ / penalty, with a such that its base mean is 1. With returns of
    root mean square error e it loses at most e sqrt(kappa) to any policy of the chi-square ball of
    radius kappa if the penalty is e / sqrt(kappa) (VB-UPPER-MEAN-SQUARE, docs/theory.md).

    Args:
      law: reward laws of the base, of shape (*prompts, K); their returns may be estimates.
      penalty: tokens, > 0; a number or one a prompt.

    Returns:
      Density ratio to the base on every atom, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, chi2_penalised_policy
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> chi2_penalised_policy(law, 8.0).tolist()
      [0.5, 1.5]
    """
    penalty = xp.broadcast_to(as_in(penalty, law.probabilities), law.mean.shape)
    above = law.atoms - law.maximum[..., None] - _penalised_level(law, penalty)[..., None]
    return xp.maximum(above, 0.0) / penalty[..., None]


def chi2_penalised_threshold(
    law: RewardLaw, penalty: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts"]:
    """The return up to which `chi2_penalised_policy` plays nothing: a with E(R - a)_+ = penalty.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      penalty: in the unit of the returns, > 0; a number or one a prompt.

    Returns:
      Thresholds, below the largest return, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.policies import chi2_penalised_threshold
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 1.0]))
      >>> [float(chi2_penalised_threshold(law, penalty)) for penalty in (0.25, 2.0)]
      [0.5, -1.5]
    """
    penalty = xp.broadcast_to(as_in(penalty, law.probabilities), law.mean.shape)
    return law.maximum + _penalised_level(law, penalty)


def _penalised_level(law: RewardLaw, penalty: Float[Array, "*prompts"]) -> Float[Array, "*prompts"]:
    """a less the largest return, for the a with E(R - a)_+ = penalty."""
    # E(R - a)_+ is the largest of E[R - a; the best atoms] over how many they are.
    mass = _mass_at_least(law)
    earned = running_sum(law.probabilities * (law.atoms - law.maximum[..., None]), reverse=True)
    charged = mass > 0
    levels = (earned - penalty[..., None]) / xp.where(charged, mass, 1.0)
    return xp.max(xp.where(charged, levels, -xp.inf), axis=-1)


def policy_chi2(
    law: RewardLaw, density_ratio: Float[Array, "*prompts K"]
) -> Float[Array, "*prompts"]:
    """Chi-square distance of a policy from the base: E_base[(ratio - 1)^2].

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      density_ratio: of the policy to the base, at least 0 with base mean 1, of shape (*prompts, K).

    Returns:
      Distances of at least 0, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, policy_chi2
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> float(policy_chi2(law, np.asarray([0.5, 1.5])))
      0.25
    """
    return xp.sum(law.probabilities * (density_ratio - 1.0) ** 2, axis=-1)


def project_onto_chi2_ball(
    law: RewardLaw,
    density_ratio: Float[Array, "*prompts K"],
    chi2_radius: Float[Array, "*#prompts"] | float,
) -> Float[Array, "*prompts K"]:
    """The policy of the chi-square ball nearest to the given one in L^2(base).

    The ball is a Euclidean ball around the constant 1, so the projection mixes the policy with the
    base: 1 + min(1, sqrt(kappa / chi^2)) (ratio - 1).

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      density_ratio: of the policy to the base, of shape (*prompts, K).
      chi2_radius: kappa, at least 0; a number or one a prompt.

    Returns:
      Density ratio of the projection, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, project_onto_chi2_ball
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> project_onto_chi2_ball(law, np.asarray([0.0, 2.0]), 0.25).tolist()
      [0.5, 1.5]
    """
    distance = policy_chi2(law, density_ratio)
    radius = xp.broadcast_to(as_in(chi2_radius, distance), distance.shape)
    outside = distance > radius
    shrink = xp.where(outside, xp.sqrt(radius / xp.where(outside, distance, 1.0)), 1.0)
    return 1.0 + shrink[..., None] * (density_ratio - 1.0)
