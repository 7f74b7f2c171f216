"""Newton's method for the two convex fits, with a ridge that keeps separable data finite."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

RIDGE = 1.0
"""Weight of |theta|^2 / 2 beside the summed log-likelihood: a standard normal prior on the
coefficients of standardised features."""

_ITERATIONS = 50
_SHORTEST = 1e-3


def minimise(
    loss: Callable[[Float[Array, " D"]], Float[Array, ""]], dimensions: int
) -> Float[Array, " D"]:
    """Minimiser of a smooth and strictly convex loss, from 0 by Newton steps.

    A step that does not lower the loss is halved until it does, so the iteration can stop early but
    not run away.
    """
    gradient, hessian = jax.grad(loss), jax.hessian(loss)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        theta, _, count = state
        slope = gradient(theta)
        direction = jnp.linalg.solve(hessian(theta), slope)
        here = loss(theta)
        size = lax.while_loop(
            lambda size: (loss(theta - size * direction) > here) & (size > _SHORTEST),
            lambda size: size / 2,
            jnp.ones(()),
        )
        size = jnp.where(size > _SHORTEST, size, 0.0)
        # Half the squared Newton decrement is what is left to gain.
        return theta - size * direction, size * (slope @ direction), count + 1

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        _, decrement, count = state
        return (decrement > 1e-9) & (count < _ITERATIONS)

    start = (jnp.zeros(dimensions), jnp.asarray(jnp.inf), jnp.asarray(0))
    return lax.while_loop(unfinished, step, start)[0]
