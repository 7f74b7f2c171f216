"""Leashes: how far a trained policy may move from the base, and the policies at their ends.

A leash bounds a divergence of the policy from the base on every prompt: chi-square, as in the
theory, or Kullback-Leibler in nats, as in most reinforcement learning of language models. A policy
over a pool is a vector of probabilities of its samples; the base draws each equally often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

_STEPS = 40
# c of (c - share)_+ with shares in [0, 1]: all weight on the best samples, or nearly even weights.
_SHARPEST, _FLATTEST = 1e-12, 1e9


@dataclass(frozen=True)
class Leash:
    """A bound on the divergence of a policy from the base.

    Attributes:
      divergence: "chi2", or "kl" in nats.
      radius: the bound, above 0.
    """

    divergence: Literal["chi2", "kl"]
    radius: float

    def __str__(self) -> str:
        name = "chi-square" if self.divergence == "chi2" else "KL"
        unit = "" if self.divergence == "chi2" else " nats"
        return f"{name} {self.radius:.3g}{unit}"


def usual_leashes(chi2_radius: float) -> tuple[Leash, ...]:
    """Chi-square kappa, a quarter and four times of it, and the KL leash that contains the first.

    KL is at most ln(1 + chi-square).
    """
    return (
        Leash("chi2", chi2_radius),
        Leash("chi2", chi2_radius / 4),
        Leash("chi2", chi2_radius * 4),
        Leash("kl", math.log1p(chi2_radius)),
    )


def best_policy(
    reward: Float[np.ndarray, "*batch P K"], mask: Bool[np.ndarray, "P K"], leash: Leash
) -> Float[np.ndarray, "*batch P K"]:
    """The policy of the largest mean reward within the leash around the base.

    Under a KL leash it is the base tilted by exp(reward/beta), under a chi-square leash the one of
    Lemma 3 of docs/theory.md, base times b (reward - a)_+.

    Args:
      reward: of each sample, in any unit.
      mask: whether there is a sample.
      leash: the bound.

    Returns:
      Probabilities of the samples of each prompt; equal rewards have equal ones.
    """
    base = mask / mask.sum(axis=-1, keepdims=True)
    reward = reward.astype(float)
    top = np.where(mask, reward, -np.inf).max(axis=-1, keepdims=True)
    below = np.where(mask, top - reward, 0.0)
    spread = np.maximum(below.max(axis=-1, keepdims=True), 1e-300)
    share = below / spread
    if leash.divergence == "kl":
        return _kl_tilt(base, share, leash.radius)
    return _chi2_tilt(base, share, mask, leash.radius)


def within(
    policy: Float[np.ndarray, "*batch P K"], mask: Bool[np.ndarray, "P K"], leash: Leash
) -> Float[np.ndarray, "*batch P K"]:
    """The policy moved back towards the base until it is within the leash.

    Chi-square: the mixture of both that is nearest to the policy in L^2(base). KL: the geometric
    mixture base^(1-t) policy^t, of all policies within the leash the one of least divergence from
    the policy.

    Args:
      policy: probabilities of the samples of each prompt.
      mask: whether there is a sample.
      leash: the bound.
    """
    base, policy = mask / mask.sum(axis=-1, keepdims=True), policy.astype(float)
    if leash.divergence == "chi2":
        excess = np.where(mask, policy - base, 0.0)
        distance = (excess**2 / np.where(mask, base, 1.0)).sum(axis=-1, keepdims=True)
        shrink = np.minimum(1.0, np.sqrt(leash.radius / np.maximum(distance, 1e-300)))
        return base + shrink * excess
    with np.errstate(divide="ignore"):
        ratio = np.where(mask & (policy > 0), np.log(policy / np.where(mask, base, 1.0)), -700.0)
    ratio = ratio - ratio.max(axis=-1, keepdims=True)
    return _largest_tilt(base, ratio, leash.radius, np.ones((*policy.shape[:-1], 1)))


def _kl_tilt(
    base: Float[np.ndarray, "P K"], share: Float[np.ndarray, "*batch P K"], radius: float
) -> Float[np.ndarray, "*batch P K"]:
    """Base times exp(-strength share), as strong as the leash allows."""
    return _largest_tilt(base, -share, radius, np.full((*share.shape[:-1], 1), 1e6))


def _largest_tilt(
    base: Float[np.ndarray, "P K"],
    exponent: Float[np.ndarray, "*batch P K"],
    radius: float,
    most: Float[np.ndarray, "*batch P 1"],
) -> Float[np.ndarray, "*batch P K"]:
    """Base times exp(t exponent) for the largest t up to `most` within the KL radius.

    The divergence grows with t, so t is bisected; on a logarithmic scale, for it may be large.
    """

    def tilted(t: np.ndarray) -> np.ndarray:
        weight = base * np.exp(np.maximum(t * exponent, -700.0))
        return weight / weight.sum(axis=-1, keepdims=True)

    def divergence(t: np.ndarray) -> np.ndarray:
        policy = tilted(t)
        ratio = np.where(policy > 0, policy / np.where(base > 0, base, 1.0), 1.0)
        return (policy * np.log(ratio)).sum(axis=-1, keepdims=True)

    low, high = np.log(most) - 30.0, np.log(most)
    free = divergence(most) <= radius
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fits = divergence(np.exp(middle)) <= radius
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return tilted(np.where(free, most, np.exp(low)))


def _chi2_tilt(
    base: Float[np.ndarray, "P K"],
    share: Float[np.ndarray, "*batch P K"],
    mask: Bool[np.ndarray, "P K"],
    radius: float,
) -> Float[np.ndarray, "*batch P K"]:
    """Base times (c - share)_+, with the least c that the leash allows."""

    def tilted(c: np.ndarray) -> np.ndarray:
        weight = base * np.where(mask, np.maximum(c - share, 0.0), 0.0)
        return weight / weight.sum(axis=-1, keepdims=True)

    def divergence(c: np.ndarray) -> np.ndarray:
        return (tilted(c) ** 2 / np.where(mask, base, 1.0)).sum(axis=-1, keepdims=True) - 1.0

    shape = (*share.shape[:-1], 1)
    low, high = (np.full(shape, np.log(end)) for end in (_SHARPEST, _FLATTEST))
    sharpest = np.exp(low)
    free = divergence(sharpest) <= radius
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fits = divergence(np.exp(middle)) <= radius
        low, high = np.where(fits, low, middle), np.where(fits, middle, high)
    return tilted(np.where(free, sharpest, np.exp(high)))
