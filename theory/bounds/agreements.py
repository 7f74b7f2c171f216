"""The two-level game's likelihood ratio L: a function of how many traces agree with a codeword.

Agreements are Binomial(n, (1 + tilt)/2) with the codeword that demonstrates, and Binomial(n, 1/2)
with a wrong one. Everything here is rounded to a named side.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, no_gradient, on_host, xlogy, xp
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.bounds.bound import Setting
from verigap.theory.precision import ROUNDINGS, rounded_up

_CELLS = 1 << 12


class AgreementCells(NamedTuple):
    """Ranges of counts that span nine standard deviations about the expert's mean.

    Attributes:
      first, last: counts of the cell; the same up to about 200,000 traces.
      log_ratio: at least ln L in the cell, nats; ascending.
      log_ratio_span: at least how far ln L ranges within the cell, nats; 0 for a single count.
      log_expert: at least the log-probability of the cell under the expert.
      log_below: at least the expert's log-probability of fewer agreements than any cell has.
      log_beyond: the same of more.
    """

    first: Float[Array, " cells"]
    last: Float[Array, " cells"]
    log_ratio: Float[Array, " cells"]
    log_ratio_span: Float[Array, " cells"]
    log_expert: Float[Array, " cells"]
    log_below: Float[Array, ""]
    log_beyond: Float[Array, ""]


def _log_rounding(
    log_probability: Float[Array, "*cells"],
    count: Float[Array, "*cells"],
    trials: Float[Array, ""],
    probability: Float[Array, ""],
) -> Float[Array, "*cells"]:
    """How far rounding may move a binomial log-probability at `count` (nats).

    Rounding the mean, or the smaller chance, moves it in proportion to the distance to the mean.
    """
    rounding = ROUNDINGS * float(xp.finfo(trials.dtype).eps)
    distance = xp.abs(count - trials * probability) / xp.maximum(1.0 - probability, rounding)
    own = xp.minimum(xp.abs(log_probability), 1e3)
    return no_gradient(rounding * (distance + own + 1.0))


def _log_chernoff(
    count: Float[Array, ""], trials: Float[Array, ""], probability: Float[Array, ""]
) -> Float[Array, ""]:
    """-n KL(count/n || p), at least ln of a binomial tail that starts at `count`, away from np.

    Inside the ends by a rounding, which can only raise it and keeps its gradient finite.
    """
    rounding = float(xp.finfo(trials.dtype).eps)
    share = xp.clip(count / trials, rounding, 1.0 - rounding)
    relative = xlogy(share, share / probability) + xlogy(
        1.0 - share, (1.0 - share) / xp.maximum(1.0 - probability, xp.finfo(share.dtype).tiny)
    )
    value = -trials * xp.maximum(relative, 0.0)
    return value + _log_rounding(value, count, trials, probability)


def _log_masses(
    cells: tuple[Float[Array, " cells"], Float[Array, " cells"]],
    count: Float[Array, " cells"],
    trials: Float[Array, ""],
    probability: Float[Array, ""],
    side: float,
) -> Float[Array, " cells"]:
    """ln of the probability at `count` times the size of its cell, rounded to a side, 1 or -1."""
    first, last = cells
    value = binomial_log_pmf(count, trials, probability)
    value += xp.log(xp.maximum(last - first + 1.0, 1.0))
    value += side * _log_rounding(value, count, trials, probability)
    # Finite, because the gradient of a running sum without terms is NaN.
    return xp.where(first > trials, nothing_of(trials), value)


def nothing_of(like: Array) -> float:
    """A logarithm whose exponential is 0, of the dtype of a number."""
    return 0.25 * float(xp.finfo(like.dtype).min)


def agreement_cells(setting: Setting) -> AgreementCells:
    """The expert's law of the number of agreements, Binomial(n, (1 + tilt)/2).

    Where the span is more counts than cells, a cell holds several counts, and is given its largest
    probability times their number.
    """
    traces = setting.data_budget
    tilt = xp.sqrt(xp.minimum(setting.expert_radius, 1.0))
    chance = 0.5 * (1.0 + tilt)
    mean = traces * chance
    reach = 9.0 * xp.sqrt(traces * chance * (1.0 - chance)) + 2.0
    low = xp.clip(xp.floor(mean - reach), 0.0, traces)
    high = xp.clip(xp.ceil(mean + reach), 0.0, traces)
    stride = xp.maximum(xp.ceil((high - low + 1.0) / _CELLS), 1.0)
    # A program has one shape for all settings; in NumPy nothing is computed for counts above n.
    cells = min(int(high - low) + 1, _CELLS) if on_host(low, high) else _CELLS
    first = low + stride * xp.arange(cells, dtype=low.dtype)
    # The bracket: one more than 2^24 is no number of float32.
    last = xp.minimum(first + (stride - 1.0), traces)
    # Binomial probabilities rise to the mode and fall after it.
    mode = xp.clip(xp.floor((traces + 1.0) * chance), first, last)
    misses = traces - last
    # At tilt 1 the expert never plays a low return, so one of them has probability 0 under it.
    penalty = xp.log1p(-xp.minimum(tilt, 1.0 - float(xp.finfo(tilt.dtype).epsneg)))
    top = first[-1] + stride
    nothing = nothing_of(low)
    return AgreementCells(
        first=first,
        last=last,
        log_ratio=rounded_up(last * xp.log1p(tilt)) + rounded_up(misses * penalty),
        log_ratio_span=rounded_up((last - first) * (xp.log1p(tilt) - penalty)),
        log_expert=_log_masses((first, last), mode, traces, chance, 1.0),
        log_below=xp.where(low <= 0, nothing, _log_chernoff(low - 1.0, traces, chance)),
        log_beyond=xp.where(top > traces, nothing, _log_chernoff(top, traces, chance)),
    )


def log_base_at_least(cells: AgreementCells, traces: Float[Array, ""]) -> Float[Array, " cells"]:
    """At most the log-probability of each cell with a wrong codeword: of its rarer end."""
    middle = 0.5 * traces
    later = xp.abs(cells.last - middle) > xp.abs(cells.first - middle)
    rarer = xp.where(later, cells.last, cells.first)
    half = xp.full_like(traces, 0.5)
    return _log_masses((cells.first, cells.last), rarer, traces, half, -1.0)
