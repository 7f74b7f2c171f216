"""The best policy in a Kullback-Leibler ball around the base: a Gibbs tilt (Lemma 6).

The tilt of inverse temperature beta (per token) has the density ratio w = exp(beta R) / Z(beta)
with Z(beta) = E_base exp(beta R). Divergences are in nats.
"""

from __future__ import annotations

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, as_in, kept, xp
from verigap.theory.experts import Expert, safe_sqrt, upper_partial_moments
from verigap.theory.laws import RewardLaw
from verigap.theory.tilts import (
    Scores,
    divergence_terms,
    inverse_temperature,
    log_best_mass,
    log_density_ratio,
)


def _scores_of(law: RewardLaw) -> Scores:
    """Returns as scores, their distances to the mean as differences of sums of positive terms."""
    charged = law.probabilities > 0
    _, above, _ = upper_partial_moments(law)
    at_most = xp.cumsum(law.probabilities, axis=-1)
    steps = xp.cumsum(xp.diff(law.atoms, axis=-1) * at_most[..., :-1], axis=-1)
    lower = xp.concatenate([xp.zeros_like(above[..., :1]), steps], axis=-1)
    return Scores(
        law.probabilities,
        xp.where(charged, law.atoms - law.maximum[..., None], 0.0),
        xp.where(charged, lower - above, 0.0),
    )


def _tilted(
    scores: Scores, beta: Float[Array, "*prompts"], saturated: Bool[Array, "*prompts"]
) -> tuple[Float[Array, "*prompts K"], Float[Array, "*prompts K"]]:
    """Density ratio of the tilt, or of the best scores alone, and its excess over 1."""
    charged = scores.mass > 0
    at_top = charged & (scores.below >= 0)
    idle = xp.sum(xp.where(at_top, 0.0, scores.mass), axis=-1, keepdims=True)
    top = xp.sum(xp.where(at_top, scores.mass, 0.0), axis=-1, keepdims=True)
    log_ratio = xp.where(charged, log_density_ratio(scores, beta), 0.0)
    alone = saturated[..., None]
    excess = xp.where(alone, xp.where(at_top, idle / top, -1.0), xp.expm1(log_ratio))
    ratio = xp.where(alone, xp.where(at_top, 1.0 / top, 0.0), xp.exp(log_ratio))
    return xp.where(charged, ratio, 0.0), xp.where(charged, excess, -1.0)


def _expert(
    law: RewardLaw,
    beta: Float[Array, "*prompts"],
    saturated: Bool[Array, "*prompts"],
    scores: Scores,
) -> Expert:
    charged = scores.mass > 0
    ratio, excess = _tilted(scores, beta, saturated)
    value = law.maximum + xp.sum(scores.mass * ratio * scores.below, axis=-1)
    # (J - mean) beta = E[(w - 1) ln w]: a sum of terms of one sign.
    tilted = ~(beta <= 0)
    terms = xp.where(charged, scores.mass * excess * log_density_ratio(scores, beta), 0.0)
    gain = xp.sum(terms, axis=-1) / xp.where(tilted, beta, 1.0)
    gain = xp.where(saturated, law.headroom, xp.where(tilted, gain, 0.0))
    chi2 = xp.sum(scores.mass * excess**2, axis=-1)
    gap = xp.where(charged, law.atoms - value[..., None], 0.0)
    sd = safe_sqrt(xp.sum(scores.mass * ratio * gap**2, axis=-1))
    return Expert(value, gain, ratio, excess, chi2, sd)


def gibbs_expert(law: RewardLaw, inverse_temperature: Float[Array, "*#prompts"] | float) -> Expert:
    """The policy that maximises E[return] - KL(policy || base) / beta: w = exp(beta R) / Z(beta).

    Its chi-square distance is Z(2 beta) / Z(beta)^2 - 1. Source: docs/theory.md, Lemma 6 (beyond
    arXiv 2502.12118).

    Args:
      law: reward laws of the base, in tokens, of shape (*prompts, K).
      inverse_temperature: beta, per token, at least 0 and finite; a number or one a prompt.

    Returns:
      The policy's value, gain, density ratio, chi-square distance and standard deviation a prompt.

    Example:
      >>> import math
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, gibbs_expert
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> expert = gibbs_expert(law, math.log(3.0) / 8.0)
      >>> round(float(expert.value), 9), expert.density_ratio.round(9).tolist()
      (6.0, [0.5, 1.5])
    """
    beta = xp.broadcast_to(as_in(inverse_temperature, law.probabilities), law.mean.shape)
    return _expert(law, beta, beta < 0, kept(law, "scores", lambda: _scores_of(law)))


def kl_ball_expert(law: RewardLaw, kl_radius: Float[Array, "*#prompts"] | float) -> Expert:
    """Best policy with KL(policy || base) <= kl_radius nats on every prompt (Lemma 6).

    The Gibbs tilt of that divergence, or from ln(1/P(R = max)) on the base given its best return.
    NaN where the inverse temperature was not found, which no finite law is known to cause.

    Args:
      law: reward laws of the base, in tokens, of shape (*prompts, K).
      kl_radius: nats, at least 0; a number or one a prompt.

    Returns:
      The expert's value, gain, density ratio, chi-square distance and standard deviation a prompt.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, kl_ball_expert
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> expert = kl_ball_expert(law, 0.75 * np.log(1.5) + 0.25 * np.log(0.5))
      >>> round(float(expert.value), 9), expert.density_ratio.round(9).tolist()
      (6.0, [0.5, 1.5])
    """
    radius = xp.broadcast_to(as_in(kl_radius, law.probabilities), law.mean.shape)
    scores = kept(law, "scores", lambda: _scores_of(law))
    beta, saturated, converged = inverse_temperature(scores, radius)
    return _expert(law, xp.where(converged | saturated, beta, xp.nan), saturated, scores)


def kl_saturation_radius(law: RewardLaw) -> Float[Array, "*prompts"]:
    """Radius ln(1/P(R = max)) in nats, from which on the expert plays only the best return.

    Args:
      law: reward laws of the base, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, kl_saturation_radius
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> round(float(kl_saturation_radius(law)), 3)
      0.693
    """
    return -log_best_mass(law.probabilities, law.atoms >= law.maximum[..., None])


def policy_kl(
    law: RewardLaw, density_ratio: Float[Array, "*prompts K"]
) -> Float[Array, "*prompts"]:
    """Divergence of a policy from the base, E_base[w ln w], in nats.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      density_ratio: of the policy to the base, at least 0 with base mean 1, of shape (*prompts, K).

    Returns:
      Nats, at least 0, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, policy_kl
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> round(float(policy_kl(law, np.asarray([0.0, 2.0]))), 3)
      0.693
    """
    played = (density_ratio > 0) & (law.probabilities > 0)
    terms = divergence_terms(xp.log(xp.where(played, density_ratio, 1.0)))
    return xp.sum(law.probabilities * xp.where(played, terms, 1.0), axis=-1)


def project_onto_kl_ball(
    law: RewardLaw,
    density_ratio: Float[Array, "*prompts K"],
    kl_radius: Float[Array, "*#prompts"] | float,
) -> Float[Array, "*prompts K"]:
    """The policy of the KL ball of least divergence from the given one, base^(1-t) policy^t.

    Where the policy plays too few traces for any such mixture to lie in the ball, it is the policy
    of the ball that plays the others least: the base with the weight of those traces lowered.

    Args:
      law: reward laws of the base, of shape (*prompts, K).
      density_ratio: of the policy to the base, of shape (*prompts, K).
      kl_radius: nats, at least 0; a number or one a prompt.

    Returns:
      Density ratio of the projection, of shape (*prompts, K).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, kl_ball_expert, project_onto_kl_ball
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> project_onto_kl_ball(law, np.asarray([0.1, 1.9]), 0.1307).round(2).tolist()
      [0.5, 1.5]
    """
    mass = xp.broadcast_to(law.probabilities, density_ratio.shape)
    distance = policy_kl(law, density_ratio)
    radius = xp.broadcast_to(as_in(kl_radius, distance), distance.shape)
    played = (density_ratio > 0) & (mass > 0)
    share = xp.sum(xp.where(played, mass, 0.0), axis=-1)
    needed = xp.maximum(-xp.log(share), 0.0)
    # Outside of what is played the logarithm is -infinite: it outweighs all other differences.
    inside = radius >= needed
    narrow = inside[..., None]
    log_played = xp.where(played, xp.log(xp.where(played, density_ratio, 1.0)), 0.0)
    kept_mass = xp.where(narrow, xp.where(played, mass / share[..., None], 0.0), mass)
    score = xp.where(narrow, log_played, xp.where(played, 0.0, -1.0))
    charged = kept_mass > 0
    best = xp.max(xp.where(charged, score, -xp.inf), axis=-1, keepdims=True)
    below = xp.where(charged, score - best, 0.0)
    mean = xp.sum(kept_mass * below, axis=-1, keepdims=True)
    scores = Scores(kept_mass, below, xp.where(charged, below - mean, 0.0))
    left = xp.where(inside, xp.maximum(radius - needed, 0.0), radius)
    beta, saturated, converged = inverse_temperature(scores, left)
    tilted, _ = _tilted(scores, xp.where(converged, beta, xp.nan), saturated)
    moved = xp.where(charged, tilted * kept_mass / xp.where(mass > 0, mass, 1.0), 0.0)
    return xp.where((distance <= radius)[..., None], density_ratio, moved)
