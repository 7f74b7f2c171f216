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

from verigap.llm_validation.pools.experts import chi2_tilt

# The most steps of a search, and the change of ln t at which it ends.
_STEPS, _RESOLUTION = 32, 1e-7


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
    if leash.divergence == "chi2":
        return chi2_tilt(reward.astype(float), mask, leash.radius)
    base = mask / mask.sum(axis=-1, keepdims=True)
    top = np.where(mask, reward, -np.inf).max(axis=-1, keepdims=True)
    below = np.where(mask, top - reward, 0.0)
    share = below / np.maximum(below.max(axis=-1, keepdims=True), 1e-300)
    return _largest_tilt(base, -share, leash.radius, np.full((*share.shape[:-1], 1), 1e6))


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


def _largest_tilt(
    base: Float[np.ndarray, "P K"],
    exponent: Float[np.ndarray, "*batch P K"],
    radius: float,
    most: Float[np.ndarray, "*batch P 1"],
) -> Float[np.ndarray, "*batch P K"]:
    """Base times exp(t exponent) for the largest t up to `most` within the KL radius.

    The divergence D grows with t, at the rate t times the variance of the exponent: Newton steps in
    ln t, halving the bracket where one would leave it.
    """

    def tilted(t: np.ndarray) -> np.ndarray:
        weight = base * np.exp(np.maximum(t * exponent, -700.0))
        return weight / weight.sum(axis=-1, keepdims=True)

    def divergence(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D, and its derivative in ln t."""
        policy = tilted(t)
        ratio = np.where(policy > 0, policy / np.where(base > 0, base, 1.0), 1.0)
        mean = (policy * exponent).sum(axis=-1, keepdims=True)
        variance = (policy * (exponent - mean) ** 2).sum(axis=-1, keepdims=True)
        return (policy * np.log(ratio)).sum(axis=-1, keepdims=True), t**2 * variance

    low, high = np.log(most) - 30.0, np.log(most)
    free = divergence(most)[0] <= radius
    at, settled = (low + high) / 2, free
    for _ in range(_STEPS):
        found, slope = divergence(np.exp(at))
        fits = found <= radius
        low, high = np.where(fits, at, low), np.where(fits, high, at)
        # D is about quadratic in t at first: of ln D the steps are more nearly straight.
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at - found * np.log(found / radius) / slope
        inside = (newton > low) & (newton < high)
        step = np.where(inside, newton, (low + high) / 2)
        settled = np.abs(step - at) <= _RESOLUTION
        at = step
        if (settled | free).all():
            break
    return tilted(np.where(free, most, np.exp(np.where(settled, at, low))))
