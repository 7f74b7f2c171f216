"""Balls around the base policy: one interface for the divergences that a leash may bound.

A ball holds the policies whose divergence from the base is at most a radius on every prompt. What
the bounds and the games need of it is its best policy (the expert), the distance of a policy, and
the projection of one. `BALLS` has one entry a divergence: "chi2", and "kl" in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypedDict, runtime_checkable

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


@runtime_checkable
class Ball(Protocol):
    """Policies within a radius of the base in one divergence.

    Attributes:
      name: in the registry, in configs and in JSON.
      title: in words.
      symbol: of a radius, in tables.
      unit: of a radius, with a space before it; empty for a number without one.
    """

    name: ClassVar[Divergence]
    title: ClassVar[str]
    symbol: ClassVar[str]
    unit: ClassVar[str]

    def expert(self, law: RewardLaw, radius: Float[Array, "*#prompts"] | float) -> Expert:
        """The policy of the ball with the largest mean return on every prompt."""
        ...

    def distance(
        self, law: RewardLaw, density_ratio: Float[Array, "*prompts K"]
    ) -> Float[Array, "*prompts"]:
        """Divergence of a policy from the base on every prompt."""
        ...

    def project(
        self,
        law: RewardLaw,
        density_ratio: Float[Array, "*prompts K"],
        radius: Float[Array, "*#prompts"] | float,
    ) -> Float[Array, "*prompts K"]:
        """The policy of the ball nearest to a given one, as a density ratio to the base."""
        ...

    def saturation_radius(self, law: RewardLaw) -> Float[Array, "*prompts"]:
        """Radius from which on the expert plays only the best return."""
        ...

    def radius_within_chi2(self, law: RewardLaw, chi2: Float[Array, ""]) -> Float[Array, ""]:
        """The largest radius whose expert has a chi-square distance of at most `chi2`.

        The distance is the mean over prompts, by which likelihood ratios grow with each trace.
        """
        ...


@dataclass(frozen=True)
class Chi2Ball:
    """The chi-square ball of Lemma 3: E_base w^2 <= 1 + radius."""

    name: ClassVar[Divergence] = "chi2"
    title: ClassVar[str] = "chi-square"
    symbol: ClassVar[str] = "kappa"
    unit: ClassVar[str] = ""

    def expert(self, law: RewardLaw, radius: Float[Array, "*#prompts"] | float) -> Expert:
        """See `chi2_ball_expert`."""
        return chi2_ball_expert(law, radius)

    def distance(
        self, law: RewardLaw, density_ratio: Float[Array, "*prompts K"]
    ) -> Float[Array, "*prompts"]:
        """See `policy_chi2`."""
        return policy_chi2(law, density_ratio)

    def project(
        self,
        law: RewardLaw,
        density_ratio: Float[Array, "*prompts K"],
        radius: Float[Array, "*#prompts"] | float,
    ) -> Float[Array, "*prompts K"]:
        """See `project_onto_chi2_ball`."""
        return project_onto_chi2_ball(law, density_ratio, radius)

    def saturation_radius(self, law: RewardLaw) -> Float[Array, "*prompts"]:
        """See `experts.saturation_radius`."""
        return saturation_radius(law)

    def radius_within_chi2(self, law: RewardLaw, chi2: Float[Array, ""]) -> Float[Array, ""]:
        """The distance itself."""
        return chi2


@dataclass(frozen=True)
class KLBall:
    """The Kullback-Leibler ball of Lemma 6: E_base[w ln w] <= radius, in nats."""

    name: ClassVar[Divergence] = "kl"
    title: ClassVar[str] = "KL"
    symbol: ClassVar[str] = "KL radius"
    unit: ClassVar[str] = " nats"

    def expert(self, law: RewardLaw, radius: Float[Array, "*#prompts"] | float) -> Expert:
        """See `kl_ball_expert`."""
        return kl_ball_expert(law, radius)

    def distance(
        self, law: RewardLaw, density_ratio: Float[Array, "*prompts K"]
    ) -> Float[Array, "*prompts"]:
        """See `policy_kl`."""
        return policy_kl(law, density_ratio)

    def project(
        self,
        law: RewardLaw,
        density_ratio: Float[Array, "*prompts K"],
        radius: Float[Array, "*#prompts"] | float,
    ) -> Float[Array, "*prompts K"]:
        """See `project_onto_kl_ball`."""
        return project_onto_kl_ball(law, density_ratio, radius)

    def saturation_radius(self, law: RewardLaw) -> Float[Array, "*prompts"]:
        """See `kl_saturation_radius`."""
        return kl_saturation_radius(law)

    def radius_within_chi2(self, law: RewardLaw, chi2: Float[Array, ""]) -> Float[Array, ""]:
        """By halving: the distance rises with the radius, and a radius is at most ln(1 + chi2)."""

        def halved(
            ends: tuple[Float[Array, ""], Float[Array, ""]],
        ) -> tuple[Float[Array, ""], Float[Array, ""]]:
            low, high = ends
            middle = 0.5 * (low + high)
            fits = xp.mean(self.expert(law, middle).chi2) <= chi2
            return xp.where(fits, middle, low), xp.where(fits, high, middle)

        # The KL divergence is at most ln(1 + chi-square), and no larger radius changes the expert.
        most = xp.maximum(xp.log1p(chi2), xp.max(self.saturation_radius(law)))
        inside = xp.mean(self.expert(law, most).chi2) <= chi2
        low, _ = repeated(halved, (xp.zeros_like(most), most), _HALVINGS, inside=law)
        return xp.where(inside, most, low)


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


BALLS: dict[Divergence, Ball] = {"chi2": Chi2Ball(), "kl": KLBall()}
"""Every ball by the name of its divergence."""
