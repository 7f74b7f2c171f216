"""Rounding in the safe direction, ties between rounded numbers, and a warning where float32 fails.

The functions that compute bounds add positive terms or differences of returns, so that every term
is right to a few roundings of its own size. What is left is moved to the safe side here.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec

from jaxtyping import Float

from verigap.theory.arrays import Array, xp

ROUNDINGS = 32
"""Relative error allowed for a term, in machine epsilons: 4e-6 in float32, 7e-15 in float64."""

_TIE_ROUNDINGS = 4096
_TIE_NATS = 1e-9

P = ParamSpec("P")


class PrecisionWarning(UserWarning):
    """A function that needs float64 was called in float32."""


def rounded_down(value: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """The value less `ROUNDINGS` of its own roundings: at most what exact arithmetic gives."""
    return value - ROUNDINGS * float(xp.finfo(value.dtype).eps) * xp.abs(value)


def rounded_up(value: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """The value plus `ROUNDINGS` of its own roundings: at least what exact arithmetic gives."""
    return value + ROUNDINGS * float(xp.finfo(value.dtype).eps) * xp.abs(value)


def rounds_down(bound: Callable[P, Array]) -> Callable[P, Array]:
    """Decorator of a lower bound that is a product, or a sum of terms of one sign."""

    @functools.wraps(bound)
    def rounded(*args: P.args, **kwargs: P.kwargs) -> Array:
        return rounded_down(bound(*args, **kwargs))

    return rounded


def rounds_up(bound: Callable[P, Array]) -> Callable[P, Array]:
    """Decorator of an upper bound that is a product, or a sum of terms of one sign."""

    @functools.wraps(bound)
    def rounded(*args: P.args, **kwargs: P.kwargs) -> Array:
        return rounded_up(bound(*args, **kwargs))

    return rounded


def to_resolution(scores: Float[Array, "*batch"], scale: float) -> Float[Array, "*batch"]:
    """Scores rounded so that those which differ by rounding alone tie, whatever the dtype.

    Args:
      scores: numbers of size at most `scale`.
      scale: their size, > 0; they are rounded to multiples of 4096 machine epsilons of it, which
        is 9e-13 in float64 and 5e-4 in float32.
    """
    step = _TIE_ROUNDINGS * float(xp.finfo(scores.dtype).eps) * scale
    return xp.round(scores / step) * step


def tie_tolerance(dtype: Any) -> float:
    """Relative difference below which two log-likelihoods tie: 1e-9, or 64 epsilons if larger."""
    return max(_TIE_NATS, 64 * float(xp.finfo(dtype).eps))


def warn_unless_float64(function: str, dtype: Any, loses: str) -> None:
    """Warn, while tracing, that `function` was called in a narrower type than float64.

    Args:
      function: public name of the caller.
      dtype: what it was called with.
      loses: how wrong its answer may be, in words.
    """
    if xp.finfo(dtype).bits < 64:
        warnings.warn(
            f"{function}: needs float64, was called in {xp.dtype(dtype).name}: {loses}; call "
            'jax.config.update("jax_enable_x64", True) first',
            PrecisionWarning,
            stacklevel=3,
        )
