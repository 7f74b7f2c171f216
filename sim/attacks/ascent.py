"""Projected gradient ascent from many starts through the exact formulas."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from verigap.sim.attacks.regimes import stake
from verigap.sim.attacks.space import SearchSpace, closeness
from verigap.sim.compilation import PLAINER_CODE
from verigap.theory import Bound

_RATE = 0.05
_DRAWS = 8
_PENALTY = 3.0
_NOTHING = 1e-9


class Climbed(NamedTuple):
    """The best instance that each start led to.

    Attributes:
      values: of the parameters, in their own units and order; whole where they have to be.
      closeness: of the bound there; 0 where an assumption fails.
    """

    values: Float[Array, "starts parameters"]
    closeness: Float[Array, " starts"]


def _placed(
    space: SearchSpace, point: Float[Array, " parameters"], ranges: Float[Array, "parameters 2"]
) -> Float[Array, " parameters"]:
    """Values at a point of the unit cube.

    Whole numbers are rounded, and their gradients are those of the numbers before rounding.
    """
    values = []
    for index, parameter in enumerate(space.parameters):
        low, high = ranges[index, 0], ranges[index, 1]
        if parameter.logarithmic:
            value = low * (high / low) ** point[index]
        else:
            value = low + (high - low) * point[index]
        if parameter.whole:
            value += lax.stop_gradient(jnp.clip(jnp.round(value), low, high) - value)
        values.append(value)
    return jnp.stack(values)


def _judged(
    bound: Bound,
    space: SearchSpace,
    share_of_stake: Float[Array, ""],
    values: Float[Array, " parameters"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """What is climbed, and the closeness where the instance counts, else 0.

    The logarithm of the closeness. Where the bound says nothing its value, or the quantity, is
    climbed, in horizons, as that leads to where it does; saying too little for the regime is fined.
    """
    names = [parameter.name for parameter in space.parameters]
    setting, quantity = space.measure(bound, dict(zip(names, values, strict=True)))
    value = bound.value(setting)
    near = closeness(bound, value, quantity)
    inner = quantity if bound.direction == "upper" else value
    climbed = jnp.log(_NOTHING + jnp.minimum(near, 1e6)) + jnp.minimum(inner / setting.horizon, 0.0)
    share = jnp.maximum(value / stake(bound, setting), _NOTHING) / share_of_stake
    climbed -= _PENALTY * jnp.log(jnp.maximum(share, 1.0))
    held = space.assumptions_hold(bound, setting)
    # Without a gradient, but the starts are chosen by it.
    climbed -= jnp.where(held, 0.0, _PENALTY)
    counts = held & (share <= 1.0) & ~jnp.isnan(near)
    return climbed, jnp.where(counts, near, 0.0)


@partial(
    jax.jit,
    static_argnames=("bound", "space", "starts", "steps"),
    compiler_options=PLAINER_CODE,
)
def climb(
    key: PRNGKeyArray,
    ranges: Float[Array, "parameters 2"],
    share_of_stake: Float[Array, ""],
    *,
    bound: Bound,
    space: SearchSpace,
    starts: int,
    steps: int,
) -> Climbed:
    """Ascend the closeness of a bound from many random starts.

    Parameters live in the unit cube, onto which every step is projected; the starts are the best of
    eight times as many random points.

    Args:
      key: PRNG key of the random points.
      ranges: ends of every parameter's range.
      share_of_stake: the bound's value is at most this share of what is at stake.
      bound: which is attacked.
      space: where.
      starts: static number of ascents.
      steps: static number of steps of each.
    """
    judged = partial(_judged, bound, space, share_of_stake)
    place = partial(_placed, space, ranges=ranges)
    points = jax.random.uniform(key, (_DRAWS * starts, len(space.parameters)), ranges.dtype)

    # Compiled by itself, so that it is traced once and not for every use.
    @jax.jit
    def judge(point: Float[Array, " parameters"]) -> tuple[Array, Array]:
        return judged(place(point))

    drawn, _ = lax.map(judge, points, batch_size=starts)
    first = points[jnp.argsort(jnp.where(jnp.isnan(drawn), -jnp.inf, drawn))[-starts:]]
    optimiser = optax.adam(optax.cosine_decay_schedule(_RATE, steps, alpha=0.02))
    gradient = jax.value_and_grad(judge, has_aux=True)

    def ascend(start: Float[Array, " parameters"]) -> tuple[Array, Array]:
        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            point, state, best, most = carry
            (_, near), slope = gradient(point)
            better: Bool[Array, ""] = near > most
            best, most = jnp.where(better, point, best), jnp.where(better, near, most)
            uphill = -jnp.where(jnp.isfinite(slope), slope, 0.0)
            # Optax raises floats to the power of its count.
            with jax.numpy_dtype_promotion("standard"):
                change, state = optimiser.update(uphill, state, point)
            moved = optax.projections.projection_box(
                optax.apply_updates(point, change), jnp.zeros_like(point), jnp.ones_like(point)
            )
            return (moved, state, best, most), None

        begin = (start, optimiser.init(start), start, jnp.zeros((), start.dtype))
        (_, _, best, most), _ = lax.scan(step, begin, None, length=steps)
        return best, most

    ends, most = jax.vmap(ascend)(first)
    return Climbed(jax.vmap(place)(ends), most)
