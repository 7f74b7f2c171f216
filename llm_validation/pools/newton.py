"""Newton's method for the two convex fits, with a ridge that keeps separable data finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

RIDGE = 1.0
"""Weight of |theta|^2 / 2 beside the summed log-likelihood: a standard normal prior on the
coefficients of standardised features."""

_ITERATIONS = 50
_SHORTEST = 1e-3
_TOLERANCE = 1e-9
# Rounding of a loss that sums many terms, in units of its last digit.
_ROUNDING = 256


class Minimum(NamedTuple):
    """Where Newton's method stopped.

    Attributes:
      value: the parameters, shape (D,).
      converged: whether no more than 1e-9, or the rounding of the loss, was left to gain there by
        the last Newton decrement; False after too many iterations, or where no step lowers the
        loss.
      iterations: Newton steps taken.
    """

    value: Float[Array, " D"]
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def minimise(loss: Callable[[Float[Array, " D"]], Float[Array, ""]], dimensions: int) -> Minimum:
    """Minimiser of a smooth and strictly convex loss, from 0 by at most 50 Newton steps.

    A step that does not lower the loss is halved until it does, so the iteration can stop early but
    not run away. The caller must look at `converged`.

    Args:
      loss: of the parameters, twice differentiable.
      dimensions: D, the number of parameters.
    """
    gradient, hessian = jax.grad(loss), jax.hessian(loss)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        theta, _, _, count = state
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
        decrement = slope @ direction
        resolution = _ROUNDING * jnp.finfo(here.dtype).eps * jnp.abs(here)
        close = jnp.abs(decrement) <= jnp.maximum(_TOLERANCE, resolution)
        return theta - size * direction, size * decrement, close, count + 1

    def unfinished(state: tuple[Array, ...]) -> Array:
        _, gained, _, count = state
        return (gained > _TOLERANCE) & (count < _ITERATIONS)

    start = (jnp.zeros(dimensions), jnp.asarray(jnp.inf), jnp.asarray(False), jnp.asarray(0))
    value, _, converged, iterations = lax.while_loop(unfinished, step, start)
    return Minimum(value, converged, iterations)
