"""Leashes: how far a trained policy may move from the base, and the policies at their ends.

A leash bounds a divergence of the policy from the base on every prompt: chi-square, as in the
theory, or Kullback-Leibler in nats, as in most reinforcement learning of language models. A policy
over a pool is a vector of probabilities of its samples; the base draws each equally often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from verigap.storage.tables import TableError
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array
from verigap.theory.balls import BALLS, Ball, Divergence

_LEAST = 1e-6
# Both reach as far: where one is in range, so is the other that it meets.
_MOST: dict[Divergence, float] = {"chi2": 1e6, "kl": math.log1p(1e6)}
# Samples whose policies are computed at once: what fits into a processor's cache.
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Leash:
    """A bound on the divergence of a policy from the base.

    Attributes:
      divergence: "chi2", or "kl" in nats.
      radius: the bound, above 0.

    Example:
      >>> from verigap.llm_validation.pools.leashes import Leash
      >>> str(Leash("kl", 0.25)), Leash("chi2", 1.0).radii
      ('KL 0.25 nats', {'chi2_radius': 1.0, 'kl_radius': None})
    """

    divergence: Divergence
    radius: float

    def __str__(self) -> str:
        return f"{self.ball.title} {self.radius:.3g}{self.ball.unit}"

    @property
    def ball(self) -> Ball:
        """What the radius means."""
        return BALLS[self.divergence]

    @property
    def radii(self) -> dict[str, float | None]:
        """The radius under its own name, and None under that of the other divergence."""
        return {
            f"{name}_radius": self.radius if name == self.divergence else None for name in BALLS
        }

    @property
    def other(self) -> Leash:
        """The leash in the other divergence at which both meet: KL = ln(1 + chi-square) nats.

        A policy within chi-square kappa is within KL ln(1 + kappa).
        """
        if self.divergence == "chi2":
            return Leash("kl", math.log1p(self.radius))
        return Leash("chi2", math.expm1(self.radius))

    def times(self, factor: float) -> Leash:
        """The leash of so many times the radius."""
        return Leash(self.divergence, factor * self.radius)


CHI2_1 = Leash("chi2", 1.0)
"""The leash of measurements and predictions by default."""


def chosen_leash(
    chi2_radius: float | None, kl_radius: float | None, default: Leash = CHI2_1
) -> Leash:
    """The leash of the one radius that is given.

    Args:
      chi2_radius: kappa, from 1e-6 to 1e6.
      kl_radius: nats, from 1e-6 to ln(1 + 1e6), which is 13.8.
      default: where neither is given.

    Raises:
      TableError: both radii are given, or one is out of range.
    """
    if chi2_radius is not None and kl_radius is not None:
        raise TableError("kl_radius: is given beside `chi2_radius`; give one of them")
    if kl_radius is not None:
        leash = Leash("kl", kl_radius)
    elif chi2_radius is not None:
        leash = Leash("chi2", chi2_radius)
    else:
        return default
    most = _MOST[leash.divergence]
    if not (math.isfinite(leash.radius) and _LEAST <= leash.radius <= most):
        raise TableError(
            f"{leash.divergence}_radius: {leash.radius!r} is out of range; give a number from "
            f"{_LEAST:g} to {most:g}{leash.ball.unit}"
        )
    return leash


def base_law(mask: Bool[np.ndarray, "P K"]) -> Float[np.ndarray, "P K"]:
    """The law that draws every sample of a pool equally often."""
    return mask / np.sum(mask, axis=1, keepdims=True)


def best_policy(
    rewards: Float[np.ndarray, "*runs P K"], mask: Bool[np.ndarray, "P K"], leash: Leash
) -> Float[np.ndarray, "*runs P K"]:
    """The policy of the largest mean reward within the leash around the base.

    Under a KL leash it is the base tilted by exp(beta reward) (Lemma 6 of docs/theory.md), under a
    chi-square leash base times b (reward - a)_+ (Lemma 3).

    Args:
      rewards: of each sample, in any unit.
      mask: whether there is a sample.
      leash: the bound.

    Returns:
      Probabilities of the samples of each prompt; equal rewards have equal ones.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.pools.leashes import Leash, best_policy
      >>> rewards, mask = np.array([[0.0, 8.0]]), np.ones((1, 2), bool)
      >>> best_policy(rewards, mask, Leash("chi2", 0.25)).tolist()
      [[0.25, 0.75]]
      >>> best_policy(rewards, mask, Leash("kl", 0.25)).round(3).tolist()
      [[0.162, 0.838]]
    """
    return _in_parts(lambda some, of: _best_policy(some, of, leash), rewards, mask)


def _best_policy(
    rewards: Float[np.ndarray, "rows K"], mask: Bool[np.ndarray, "rows K"], leash: Leash
) -> Float[np.ndarray, "rows K"]:
    lowest = np.where(mask, rewards, np.inf).min(axis=-1, keepdims=True)
    # The padding comes first, without mass.
    above = np.where(mask, rewards - lowest, -1.0)
    order = np.argsort(above, axis=-1)
    mass = np.take_along_axis(base_law(mask), order, axis=-1)
    law = RewardLaw(host_array(np.take_along_axis(above, order, axis=-1)), host_array(mass))
    policy = np.empty(order.shape)
    found = np.asarray(leash.ball.expert(law, leash.radius).density_ratio)
    np.put_along_axis(policy, order, found * mass, axis=-1)
    return policy


def within(
    policy: Float[np.ndarray, "*runs P K"], mask: Bool[np.ndarray, "P K"], leash: Leash
) -> Float[np.ndarray, "*runs P K"]:
    """The policy moved back towards the base until it is within the leash.

    Chi-square: the mixture of both that is nearest to the policy in L^2(base). KL: the geometric
    mixture base^(1-t) policy^t, of all policies within the leash the one of least divergence from
    the policy.

    Args:
      policy: probabilities of the samples of each prompt.
      mask: whether there is a sample.
      leash: the bound.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.pools.leashes import Leash, within
      >>> within(np.array([[0.0, 1.0]]), np.ones((1, 2), bool), Leash("chi2", 0.25)).tolist()
      [[0.25, 0.75]]
    """

    def moved(
        some: Float[np.ndarray, "rows K"], of: Bool[np.ndarray, "rows K"]
    ) -> Float[np.ndarray, "rows K"]:
        base = base_law(of)
        law = RewardLaw(host_array(np.zeros(base.shape)), host_array(base))
        ratio = np.where(of, some / np.where(of, base, 1.0), 1.0)
        return base * np.asarray(leash.ball.project(law, host_array(ratio), leash.radius))

    return _in_parts(moved, policy, mask)


def _in_parts(
    function: Callable[[np.ndarray, np.ndarray], Float[np.ndarray, "rows K"]],
    values: Float[np.ndarray, "*runs P K"],
    mask: Bool[np.ndarray, "P K"],
) -> Float[np.ndarray, "*runs P K"]:
    """The function of some prompts of some runs at a time, each with its part of the mask."""
    size = values.shape[-1]
    rows = values.reshape(-1, size)
    masks = np.broadcast_to(mask, values.shape).reshape(-1, size)
    step = max(_AT_ONCE // max(size, 1), 1)
    found = np.empty(rows.shape)
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        found[some] = function(rows[some], masks[some])
    return found.reshape(values.shape)
