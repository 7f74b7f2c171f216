"""Balls around the base policy: one interface for the divergences that a leash may bound.

A ball holds the policies whose divergence from the base is at most a radius on every prompt. What
the bounds and the games need of it is its best policy (the expert), the distance of a policy, and
the projection of one. `BALLS` has one entry a divergence: "chi2", and "kl" in nats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypedDict

from jaxtyping import Float

from verigap.theory.arrays import Array, repeated, xp
from verigap.theory.experts import Expert, chi2_ball_expert, saturation_radius
from verigap.theory.gibbs import (
    kl_ball_expert,
    kl_saturation_radius,
    policy_kl,
    project_onto_kl_ball,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import policy_chi2, project_onto_chi2_ball

Divergence = Literal["chi2", "kl"]
"""Which divergence from the base a radius bounds: chi-square, or Kullback-Leibler in nats."""

_HALVINGS = 44


class NamedRadius(TypedDict, total=False):
    """A radius under the name of its divergence, as arguments are called."""

    chi2_radius: Float[Array, ""] | float
    kl_radius: Float[Array, ""] | float


def named_radius(divergence: Divergence, radius: Float[Array, ""] | float) -> NamedRadius:
    """The argument that says a radius of this divergence.

    Example:
      >>> named_radius("kl", 0.5)
      {'kl_radius': 0.5}
    """
    return {"chi2_radius": radius} if divergence == "chi2" else {"kl_radius": radius}


Radius = Float[Array, "*#prompts"] | float
"""Of a ball; a number or one a prompt."""


@dataclass(frozen=True, kw_only=True)
class Ball:
    """Policies within a radius of the base in one divergence.

    Policies are density ratios to the base, of shape (*prompts, K).

    Attributes:
      name: in the registry, in configs and in JSON.
      title: in words.
      symbol: of a radius, in tables.
      unit: of a radius, with a space before it; empty for a number without one.
      expert: of a law and a radius, the policy of the ball with the largest mean return on every
        prompt.
      distance: of a law and a policy, its divergence from the base on every prompt.
      project: of a law, a policy and a radius, the policy of the ball nearest to the given one.
      saturation_radius: of a law, the radius from which on the expert plays only the best return.
      radius_within_chi2: of a law and a number, the largest radius whose expert has a chi-square
        distance of at most that number; the mean over prompts, by which likelihood ratios grow with
        each trace.
    """

    name: Divergence
    title: str
    symbol: str
    unit: str
    expert: Callable[[RewardLaw, Radius], Expert]
    distance: Callable[[RewardLaw, Array], Array]
    project: Callable[[RewardLaw, Array, Radius], Array]
    saturation_radius: Callable[[RewardLaw], Array]
    radius_within_chi2: Callable[[RewardLaw, Array], Array]


def _kl_radius_within_chi2(law: RewardLaw, chi2: Float[Array, ""]) -> Float[Array, ""]:
    """By halving: the chi-square distance of the expert rises with the radius."""

    def halved(
        ends: tuple[Float[Array, ""], Float[Array, ""]],
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        low, high = ends
        middle = 0.5 * (low + high)
        fits = xp.mean(kl_ball_expert(law, middle).chi2) <= chi2
        return xp.where(fits, middle, low), xp.where(fits, high, middle)

    # The KL divergence is at most ln(1 + chi-square), and no larger radius changes the expert.
    most = xp.maximum(xp.log1p(chi2), xp.max(kl_saturation_radius(law)))
    inside = xp.mean(kl_ball_expert(law, most).chi2) <= chi2
    low, _ = repeated(halved, (xp.zeros_like(most), most), _HALVINGS, inside=law)
    return xp.where(inside, most, low)


BALLS: dict[Divergence, Ball] = {
    "chi2": Ball(
        name="chi2", title="chi-square", symbol="kappa", unit="",
        expert=chi2_ball_expert,
        distance=policy_chi2,
        project=project_onto_chi2_ball,
        saturation_radius=saturation_radius,
        radius_within_chi2=lambda law, chi2: chi2,
    ),
    "kl": Ball(
        name="kl", title="KL", symbol="KL radius", unit=" nats",
        expert=kl_ball_expert,
        distance=policy_kl,
        project=project_onto_kl_ball,
        saturation_radius=kl_saturation_radius,
        radius_within_chi2=_kl_radius_within_chi2,
    ),
}  # fmt: skip
"""Every ball by the name of its divergence: that of Lemma 3, E_base w^2 <= 1 + radius, and that of
Lemma 6, E_base[w ln w] <= radius nats."""


def largest_gain(
    ball: Ball, sd: Float[Array, ""], room: Float[Array, ""], radius: Float[Array, ""]
) -> Float[Array, ""]:
    """The most that a policy of the ball gains over the base, over all laws of these moments.

    It is what the expert gains on the law of two returns that has them: by Lemma 2 in a chi-square
    ball, by Bennett's lemma in a KL ball (docs/theory.md, Lemma 6).

    Args:
      ball: of the policies.
      sd: standard deviation of the return under the base, tokens, above 0.
      room: largest possible minus mean return, tokens, above 0.
      radius: of the ball.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.balls import BALLS, largest_gain
      >>> sd, room = np.asarray(4.0), np.asarray(4.0)
      >>> float(largest_gain(BALLS["chi2"], sd, room, np.asarray(0.25)))
      2.0
    """
    share = sd**2 / (sd**2 + room**2)
    law = RewardLaw(xp.stack([-(sd**2) / room, room]), xp.stack([1.0 - share, share]))
    return ball.expert(law, radius).gain
