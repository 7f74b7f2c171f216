"""One number for both exact risks: the winner's share when it ties with a random crowd."""

from __future__ import annotations

import math

from jaxtyping import Float

from verigap.theory.arrays import Array, xp

_LN2 = math.log(2.0)


def log_minus_log1p_neg(log_x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """ln(-ln(1 - x)) from ln x, for x in [0, 1); keeps x far below the smallest float."""
    x = xp.exp(xp.minimum(log_x, 0.0))
    small = x < 1e-3
    # -ln(1 - x) = x (1 + x/2 + x^2/3 + ...): the logarithm of the bracket, to x^4.
    near = log_x + x * (1 / 2 + x * (5 / 24 + x * (1 / 8 + x * (251 / 2880))))
    interior = xp.where(small, 0.5, xp.minimum(x, 1.0 - xp.finfo(x.dtype).epsneg))
    return xp.where(small, near, xp.log(-xp.log1p(-interior)))


def log_tie_share(
    log_chance: Float[Array, "*batch"], log2_class_size: Float[Array, "*#batch"]
) -> Float[Array, "*batch"]:
    """ln E[1/(S + 1)], S ~ Binomial(2^d - 1, q): the share of a winner that S others tie with.

    E[1/(S+1)] = (1 - (1 - q)^M) / (M q) with M = 2^d, evaluated from ln q so that M = 2^200 and
    q = 2^-300 do no harm.
    """
    log_size = xp.broadcast_to(log2_class_size * _LN2, log_chance.shape)
    # y = -M ln(1 - q): the probability that nobody ties is e^-y.
    log_y = log_size + log_minus_log1p_neg(log_chance)
    y = xp.exp(xp.minimum(log_y, 50.0))
    tiny = y < 1e-6
    log_some = xp.where(tiny, log_y - 0.5 * y, xp.log(-xp.expm1(-xp.where(tiny, 1.0, y))))
    impossible = xp.isneginf(log_chance)
    share = log_some - log_size - xp.where(impossible, 0.0, log_chance)
    return xp.minimum(xp.where(impossible, 0.0, share), 0.0)
