"""Tilts of a base by e^(beta score), and the beta at which a tilt has a given divergence.

The tilt of inverse temperature beta has the density ratio w = e^(beta score) / Z(beta) with
Z(beta) = E_base e^(beta score). Divergences are in nats.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, no_gradient, on_host, repeated, set_at, xp

_STEPS = 64
# Up to this exponent the base's share is summed as 1 + E[e^u - 1 - u], which keeps its digits.
_MODERATE = 30.0
_SERIES = 0.3
_TERMS = 14


class Solution(NamedTuple):
    """The inverse temperature of a divergence.

    Attributes:
      inverse_temperature: beta >= 0, per unit of the scores; 0 where `saturated`.
      saturated: whether the radius admits the policy that plays only the best scores.
      converged: whether the divergence at beta is the radius up to rounding, or the root lies
        between two neighbouring numbers; true where `saturated`.
    """

    inverse_temperature: Float[Array, "*prompts"]
    saturated: Bool[Array, "*prompts"]
    converged: Bool[Array, "*prompts"]


class Scores(NamedTuple):
    """Scores to tilt by, and how likely the base is to draw each.

    Attributes:
      mass: probabilities, summing to one.
      below: score minus the best one of positive probability, <= 0; 0 where the mass is 0.
      centred: score minus the mean; 0 where the mass is 0.
    """

    mass: Float[Array, "*prompts K"]
    below: Float[Array, "*prompts K"]
    centred: Float[Array, "*prompts K"]


def _exponential_excess(u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """e^u - 1 - u >= 0, right to a few roundings of itself, for u that does not overflow."""
    small = xp.abs(u) < _SERIES
    near = xp.where(small, u, 0.0)
    series = xp.ones_like(near)
    for k in range(_TERMS, 2, -1):
        series = 1.0 + near / float(k) * series
    far = xp.where(small, 1.0, u)
    return xp.where(small, 0.5 * near**2 * series, xp.expm1(far) - far)


def divergence_terms(log_ratio: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """w ln w - w + 1 >= 0 at w = e^log_ratio, whose base mean is KL(policy || base)."""
    small = xp.abs(log_ratio) < _SERIES
    near = xp.where(small, log_ratio, 0.0)
    far = xp.where(small, 1.0, log_ratio)
    return xp.where(
        small, xp.exp(near) * _exponential_excess(-near), 1.0 + (far - 1.0) * xp.exp(far)
    )


def log_density_ratio(scores: Scores, beta: Float[Array, "*prompts"]) -> Float[Array, "*prompts K"]:
    """ln w of the tilt of inverse temperature beta; of no meaning where the mass is 0."""
    mass, below, centred = scores
    scale = beta[..., None]
    moderate = xp.max(scale * centred, axis=-1, keepdims=True) <= _MODERATE
    exponent = xp.where(moderate, scale * centred, 0.0)
    log_mean = xp.log1p(xp.sum(mass * _exponential_excess(exponent), axis=-1, keepdims=True))
    distance = xp.where(moderate, 0.0, scale * below)
    log_total = xp.log(xp.sum(mass * xp.exp(distance), axis=-1, keepdims=True))
    return xp.where(moderate, exponent - log_mean, distance - log_total)


def _divergence(
    scores: Scores, beta: Float[Array, "*prompts"]
) -> tuple[Float[Array, "*prompts"], Float[Array, "*prompts"]]:
    """KL(tilt || base) in nats, and the variance of the score under the tilt."""
    log_ratio = log_density_ratio(scores, beta)
    divergence = xp.sum(scores.mass * divergence_terms(log_ratio), axis=-1)
    tilted = scores.mass * xp.exp(log_ratio)
    mean = xp.sum(tilted * scores.centred, axis=-1, keepdims=True)
    return divergence, xp.sum(tilted * (scores.centred - mean) ** 2, axis=-1)


def log_best_mass(
    mass: Float[Array, "*prompts K"], best: Bool[Array, "*prompts K"]
) -> Float[Array, "*prompts"]:
    """ln of the mass of the best scores, at most 0, right to a few roundings near 1 as well."""
    top = xp.sum(xp.where(best, mass, 0.0), axis=-1)
    rest = xp.sum(xp.where(best, 0.0, mass), axis=-1)
    common = rest < 0.5
    return xp.where(
        common, xp.log1p(-xp.where(common, rest, 0.0)), xp.log(xp.where(common, 1.0, top))
    )


class _Bracket(NamedTuple):
    """State of the search, in ln beta; `move` is the length of the last step."""

    low: Float[Array, "*prompts"]
    at: Float[Array, "*prompts"]
    high: Float[Array, "*prompts"]
    move: Float[Array, "*prompts"]
    done: Bool[Array, "*prompts"]


def _bracket(
    scores: Scores, radius: Float[Array, "*prompts"], log_top: Float[Array, "*prompts"]
) -> _Bracket:
    """Numbers between which ln beta lies.

    From below as KL(beta) <= (beta range)^2 / 8 (Hoeffding), from above as a tilt whose mass off
    the best scores is below the rounding of `radius` has a larger divergence.
    """
    far = xp.max(-scores.below, axis=-1)
    gap = xp.min(xp.where(scores.below < 0, -scores.below, xp.inf), axis=-1)
    gap = xp.where(far > 0, gap, 1.0)
    far = xp.where(far > 0, far, 1.0)
    eps = float(xp.finfo(radius.dtype).eps)
    low = 0.5 * xp.log(8.0 * radius) - xp.log(far) - 1e-3
    reach = 1.5 * (-log_top - math.log(eps) + xp.log1p(far / gap)) + 5.0
    high = xp.maximum(xp.log(reach) - xp.log(gap), low + 1e-3)
    spread = xp.sum(scores.mass * scores.centred**2, axis=-1)
    guess = 0.5 * xp.log(2.0 * radius) - 0.5 * xp.log(xp.where(spread > 0, spread, 1.0))
    return _Bracket(low, xp.clip(guess, low, high), high, high - low, radius < 0)


def _newton_step(scores: Scores, target: Float[Array, "*prompts"], state: _Bracket) -> _Bracket:
    """A step of Newton's in ln beta, or half of the bracket; what is found stays as it is."""
    eps = float(xp.finfo(target.dtype).eps)
    beta = xp.exp(state.at)
    found, variance = _divergence(scores, beta)
    below = found <= target
    low = xp.where(below, state.at, state.low)
    high = xp.where(below, state.high, state.at)
    slope = beta**2 * variance
    usable = (found > 0) & (slope > 0)
    # Far away, the quotient of a divergence and a tiny radius may overflow.
    far = found > 2.0 * target
    quotient = xp.log(xp.where(usable, xp.minimum(found, 2.0 * target), target) / target)
    difference = xp.log(xp.where(usable, found, 1.0)) - xp.log(target)
    log_error = xp.where(usable & far, difference, quotient)
    newton = state.at - log_error * found / xp.where(usable, slope, 1.0)
    shorter = xp.abs(newton - state.at) <= 0.5 * state.move
    fits = usable & (newton > low) & (newton < high) & shorter
    room = 64.0 * eps
    near = xp.abs(found - target) <= room * target
    at = xp.where(near, state.at, xp.where(fits, newton, 0.5 * (low + high)))
    done = near | (high - low <= room * xp.maximum(xp.abs(high), 1.0)) | state.done
    return _Bracket(low, at, high, xp.abs(at - state.at), done)


def _found_on_host(scores: Scores, target: Float[Array, "*prompts"], state: _Bracket) -> _Bracket:
    """The state after the steps, of which each is taken of the prompts that are still open."""
    shape = target.shape
    state = _Bracket(*(xp.reshape(part, -1) for part in state))
    target = xp.reshape(target, -1)
    scores = Scores(*(xp.reshape(part, (target.size, -1)) for part in scores))
    for _ in range(_STEPS):
        rows = xp.flatnonzero(~state.done)
        if not rows.size:
            break
        some = Scores(*(part[rows] for part in scores))
        moved = _newton_step(some, target[rows], _Bracket(*(part[rows] for part in state)))
        pairs = zip(state, moved, strict=True)
        state = _Bracket(*(set_at(part, rows, new) for part, new in pairs))
    return _Bracket(*(xp.reshape(part, shape) for part in state))


def inverse_temperature(scores: Scores, radius: Float[Array, "*prompts"]) -> Solution:
    """beta at which the tilt of the base by e^(beta score) has a divergence of `radius` nats.

    Newton's steps in ln beta for ln KL, with d KL / d ln beta = beta^2 Var. A step that would leave
    the bracket, or is longer than half of the last one, halves the bracket instead. The gradients
    are those of the implicit function.

    Args:
      scores: finite, of shape (*prompts, K).
      radius: nats, at least 0.
    """
    eps = float(xp.finfo(radius.dtype).eps)
    log_top = log_best_mass(scores.mass, scores.below >= 0)
    saturated = radius >= -log_top * (1.0 - 8.0 * eps)
    open_ = (radius > 0) & ~saturated
    wanted = xp.where(open_, radius, 1.0)
    fixed = Scores(*(no_gradient(part) for part in scores))
    target = no_gradient(wanted)

    state = _bracket(fixed, target, no_gradient(log_top))
    state = state._replace(done=~open_)
    if on_host(scores, radius):
        state = _found_on_host(fixed, target, state)
    else:
        step = functools.partial(_newton_step, fixed, target)
        state = repeated(step, state, _STEPS, inside=(scores, radius))
    beta = no_gradient(xp.exp(state.at))
    # One more step of Newton's, in beta itself, through which the gradients go.
    found, variance = _divergence(scores, beta)
    slope = no_gradient(beta * variance)
    move = xp.where(slope > 0, (found - wanted) / xp.where(slope > 0, slope, 1.0), 0.0)
    beta = beta - xp.clip(move, -1e-3 * beta, 1e-3 * beta)
    beta = xp.where(open_, beta, 0.0)
    return Solution(beta, saturated, no_gradient(state.done))
