"""What a learner is: a way to weigh codewords and a policy to play on a reward law.

A verifier-free learner is a function of `Demonstrations`, a verifier-based one of `Labels`; the
types keep rewards from the former. A learner either commits to one codeword and plays a policy
for it, or averages returns over codewords and plays a policy for the average.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Float

from verigap.sim.relabelling.evidence import Belief, Demonstrations, Labels
from verigap.sim.relabelling.game import RelabellingGame
from verigap.theory import RewardLaw
from verigap.theory.arrays import Array, xp
from verigap.theory.lattice_ends import LabelEnds, LikelihoodEnds

EvidenceT_contra = TypeVar("EvidenceT_contra", Demonstrations, Labels, contravariant=True)
Side = Literal["verifier-free", "verifier-based"]

_TRANSFORM_ROUNDING = 1e-9


@runtime_checkable
class Player(Protocol):
    """The half of a learner that turns a believed reward law into a policy.

    Attributes:
      name: in the registry, in configs and in JSON.
      title: in tables.
      side: what the learner sees.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    side: ClassVar[Side]

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """Density ratio to the base on every atom of `law`.

        With `leashed`, the policy stays in `game.ball` of radius `game.leash`: a learner
        that maximises something maximises it there, any other is projected onto the ball.
        """
        ...


@runtime_checkable
class CommittingLearner(Player, Protocol[EvidenceT_contra]):
    """Picks one codeword and believes it."""

    def log_choice(self, evidence: EvidenceT_contra) -> Float[Array, " codewords"]:
        """Unnormalised log-probability of picking each listed codeword."""
        ...

    def confidence(self, evidence: EvidenceT_contra) -> Float[Array, ""]:
        """Posterior probability that the picked codeword is the true one."""
        ...

    def exact_confidence(self, law: Any, log2_class_size: Float[Array, ""]) -> Float[Array, ""]:
        """Mean of `confidence` over data sets under a law of the evidence; NaN if it is unknown.

        `law` is that of the log-likelihood ratio (a `LikelihoodLattice`) for a verifier-free
        learner, of the labels' log-probability (a `SumLattice`) for a verifier-based one.
        """
        ...


@runtime_checkable
class AveragingLearner(Player, Protocol[EvidenceT_contra]):
    """Averages returns over the codewords it deems possible."""

    def belief(self, evidence: EvidenceT_contra) -> Belief:
        """Weights of the codewords.

        They must be the posterior given the evidence, as the simulator scores a policy by its
        average return under the belief itself.
        """
        ...

    def exact_gain(self, game: RelabellingGame) -> Float[Array, ""] | None:
        """Mean gain over the base in closed form (tokens); None where none is known."""
        ...


def posterior(evidence: Demonstrations) -> Belief:
    """Posterior over codewords under the uniform prior."""
    total = evidence.log_total
    return Belief(
        jnp.exp(evidence.log_likelihood - total),
        jnp.exp(evidence.log_crowd - total),
        jnp.exp(evidence.log_crowd_square - 2.0 * total),
    )


def version_space(evidence: Labels) -> Belief:
    """Uniform belief over the consistent codewords, the posterior given noiseless labels."""
    share = 1.0 / evidence.survivors
    weights = jnp.where(evidence.consistent, share, 0.0)
    return Belief(weights, evidence.crowd * share, evidence.crowd * share**2)


def log_uniform(evidence: Labels) -> Float[Array, " codewords"]:
    """A consistent codeword at random."""
    return jnp.where(evidence.consistent, 0.0, -jnp.inf).astype(evidence.crowd.dtype)


def confidence_ends(
    learner: CommittingLearner[Any],
    law: LikelihoodEnds | LabelEnds,
    log2_class_size: Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Numbers between which the mean confidence of a learner lies; equal where it is exact."""
    low = learner.exact_confidence(law.low, log2_class_size)
    high = learner.exact_confidence(law.high, log2_class_size)
    # The lattice's transform rounds, in float32 by a good deal.
    most = max(_TRANSFORM_ROUNDING, 1e4 * float(xp.finfo(high.dtype).eps))
    room = xp.where(law.exact, 0.0, most).astype(high.dtype)
    return xp.clip(low - room, 0.0, 1.0), xp.clip(high + room, 0.0, 1.0)
