"""The relabelling game: its parameters, its exact constants, and its fresh prompts.

K equally likely base traces differ at the first token; each of 2^d codewords relabels which trace
earns which return, independently per prompt. The code is known, the true codeword is not
(docs/theory.md#relabelling-game).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, PRNGKeyArray

from verigap.sim.relabelling.evidence import Belief
from verigap.theory import RewardLaw, top_share_coverage
from verigap.theory.arrays import Array, xp
from verigap.theory.balls import BALLS, Ball, Divergence, named_radius
from verigap.theory.bounds import Setting

BATCH = 32
"""Cells that share one call: enough to fill the devices, few enough to save progress often."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RelabellingGame:
    """One cell of a sweep, or several of one shape along a leading axis.

    Attributes:
      law: base reward laws of K equiprobable traces, shape (prompts, K), tokens.
      horizon: H, tokens.
      data_budget: n, traces.
      log2_class_size: d, bits.
      class_radius: kappa, of the expert class that verifier-based learners must compete with: a
        chi-square distance, or nats where the divergence is KL.
      expert_radius: kappa', of the demonstrating expert that every risk is measured against.
      leash: radius that leashed policies are confined to.
      num_candidates: N of best-of-N.
      failure_probability: delta of the bounds that hold with probability 1 - delta.
      divergence: what the three radii bound, "chi2" or "kl".
    """

    law: RewardLaw
    horizon: Float[Array, "*cells"]
    data_budget: Float[Array, "*cells"]
    log2_class_size: Float[Array, "*cells"]
    class_radius: Float[Array, "*cells"]
    expert_radius: Float[Array, "*cells"]
    leash: Float[Array, "*cells"]
    num_candidates: Float[Array, "*cells"]
    failure_probability: Float[Array, "*cells"]
    divergence: Divergence = field(default="chi2", metadata={"static": True})

    @property
    def ball(self) -> Ball:
        """What a radius means: the balls of the game's divergence."""
        return BALLS[self.divergence]

    @property
    def expert_gain(self) -> Float[Array, ""]:
        """J_e - mean: what the demonstrated expert earns over the base (tokens)."""
        return xp.mean(self.ball.expert(self.law, self.expert_radius).gain)

    @property
    def coverage(self) -> Float[Array, ""]:
        """c0 = min_x alpha_x(kappa), which the verifier-based learners are told."""
        best = self.ball.expert(self.law, self.class_radius)
        return xp.min(top_share_coverage(self.law, best.value))

    def setting(self) -> Setting:
        """The same numbers as the bounds read them."""
        return Setting.from_law(
            self.law,
            horizon=self.horizon,
            data_budget=self.data_budget,
            log2_class_size=self.log2_class_size,
            **named_radius(self.divergence, self.class_radius),
            expert_radius=self.expert_radius,
            failure_probability=self.failure_probability,
            num_candidates=self.num_candidates,
        )


def stack_games(
    atoms: Sequence[np.ndarray],
    *,
    divergence: Divergence = "chi2",
    **columns: Sequence[float | int],
) -> RelabellingGame:
    """Games of one shape, stacked along a leading axis, from host numbers.

    Args:
      atoms: ascending returns of every game, each (prompts, K), tokens.
      divergence: what the radii bound, the same for all of them.
      **columns: the other fields of `RelabellingGame`, one number a game.
    """
    dtype = jnp.result_type(float)
    returns = np.stack(atoms)
    share = np.full_like(returns, 1.0 / returns.shape[-1])
    law = RewardLaw(jnp.asarray(returns, dtype), jnp.asarray(share, dtype))
    numbers = {name: jnp.asarray(column, dtype) for name, column in columns.items()}
    return RelabellingGame(law, divergence=divergence, **numbers)


def relabel(
    key: PRNGKeyArray, atoms: Float[Array, " K"], codewords: int
) -> Float[Array, "codewords K"]:
    """Returns of the K traces of one fresh prompt under each of several codewords."""
    traces = atoms.shape[0]
    if traces == 2:
        swap = jax.random.bits(key, (codewords, 1), "uint8") >= 128
        first = jnp.broadcast_to(atoms[:1], (codewords, 1))
        second = jnp.broadcast_to(atoms[1:], (codewords, 1))
        pair = [jnp.where(swap, second, first), jnp.where(swap, first, second)]
        return jnp.concatenate(pair, axis=-1)
    # Ranking random numbers by comparison beats sorting them while K is small. The barrier keeps
    # XLA from drawing them again for every comparison.
    draws = lax.optimization_barrier(jax.random.bits(key, (codewords, traces), "uint32"))
    mine, other = draws[:, :, None], draws[:, None, :]
    earlier = jnp.broadcast_to(jnp.tri(traces, k=-1, dtype=bool), (codewords, traces, traces))
    smaller = (other < mine) | ((other == mine) & earlier)
    return atoms[jnp.sum(smaller, axis=-1, dtype=jnp.int32)]


def averaged_columns(
    key: PRNGKeyArray, columns: Float[Array, "codewords K"], belief: Belief
) -> Float[Array, " K"]:
    """Mean return of each trace under a belief over codewords (tokens).

    The crowd's fresh columns are independent relabellings, so their weighted sum is Gaussian with
    the exact mean and covariance of a relabelling; it is absent when the crowd is empty.
    """
    traces = columns.shape[-1]
    mean = jnp.mean(columns[0])
    variance = jnp.mean((columns[0] - mean) ** 2)
    noise = jax.random.normal(key, (traces,), columns.dtype)
    noise = (noise - jnp.mean(noise)) * jnp.sqrt(traces / (traces - 1.0) * variance)
    listed = jnp.sum(belief.weights[:, None] * columns, axis=0)
    return listed + belief.crowd * mean + jnp.sqrt(belief.crowd_square) * noise
