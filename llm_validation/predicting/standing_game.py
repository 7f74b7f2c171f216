"""The verdict of the relabelling game on a group's own laws, both sides on the leash.

The risks of a population are averages over drawn data sets (docs/theory.md#exact-risks), and are
looked at where a parameter is multiplied by powers of two; in between the lead is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting.draws import Assumptions, resampled_means
from verigap.llm_validation.predicting.group_laws import laws_of_traces
from verigap.llm_validation.predicting.relabelling import (
    cloning_shares,
    horizon_gains,
    labelling_shares,
)
from verigap.llm_validation.predicting.standing_bounds import factor_interval
from verigap.llm_validation.traces import Traces
from verigap.theory import Setting
from verigap.theory.frontier import (
    MARGIN,
    Move,
    Parameter,
    Verdict,
    nearest_move,
    side_of,
    solve_crossings,
)

MOST = 16.0
"""Largest factor by which a parameter is moved, up or down."""

_FACTORS = (2.0 ** np.arange(-4.0, 4.5)).tolist()
_MOST_BITS = 200.0

Shares = tuple[float, float]
"""Of the expert's gain: what cloning earns, and what verifying earns."""


class GroupGame:
    """The game on the laws of a group, at the budgets and radii that are looked at.

    Attributes:
      longest: longest trace, beyond which budgets are extrapolated; None where it is not known.
      now: shares of the expert's gain that either side earns in the setting itself.
    """

    def __init__(self, traces: Traces, setting: Setting, seed: int) -> None:
        """Lays out the laws.

        Args:
          traces: of the group alone.
          setting: of the group.
          seed: of the drawn data sets.
        """
        self._horizon, self._count = int(setting.horizon), int(setting.data_budget)
        self._radius, self._size = float(setting.class_radius), float(setting.log2_class_size)
        self._seed = seed
        (group,) = laws_of_traces(traces, _whole(self._horizon))
        self._laws, self.longest = group.laws, group.longest
        (self.now,) = self._shares(self._horizon, self._radius, self._count, [self._size])

    def _shares(
        self, horizon: int, radius: float, data_budget: int, sizes: Sequence[float]
    ) -> list[Shares]:
        """The shares for several class sizes."""
        law = self._laws[horizon]
        cloned = cloning_shares(law, Leash("chi2", radius), data_budget, sizes, self._seed)
        return list(zip(cloned.tolist(), labelling_shares(law, data_budget, sizes), strict=True))

    def _at(
        self,
        *,
        horizon: int | None = None,
        radius: float | None = None,
        data_budget: int | None = None,
    ) -> Shares:
        """The shares where one number is another one."""
        place = (horizon or self._horizon, radius or self._radius, data_budget or self._count)
        if place == (self._horizon, self._radius, self._count):
            return self.now
        return self._shares(*place, [self._size])[0]

    def verdict(self) -> tuple[Verdict, tuple[Sequence[int], Sequence[Shares]]]:
        """The verdict; and the traces n that were looked at, with the shares at each."""
        counts, horizons = _whole(self._count), _whole(self._horizon)
        radii = [self._radius * factor for factor in _FACTORS]
        sizes = [self._size * factor for factor in _FACTORS if self._size * factor <= _MOST_BITS]
        by_count = [self._at(data_budget=n) for n in counts]
        parameters = (
            _interpolated("data_budget", self._count, counts, by_count),
            _interpolated(
                "horizon", self._horizon, horizons, [self._at(horizon=h) for h in horizons]
            ),
            _interpolated(
                "class_radius", self._radius, radii, [self._at(radius=kappa) for kappa in radii]
            ),
            _interpolated(
                "log2_class_size",
                self._size,
                sizes,
                self._shares(self._horizon, self._radius, self._count, sizes),
            ),
        )
        lead = self.now[1] - self.now[0]
        moves = tuple(nearest_move(parameter, MARGIN, MOST) for parameter in parameters)
        found = Verdict(side=side_of(lead, MARGIN), lead=lead, margin=MARGIN, moves=moves)
        return found, (counts, by_count)

    def intervals(
        self,
        verdict: Verdict,
        counts: Sequence[int],
        shares: Sequence[Shares],
        resampler: Resampler,
    ) -> tuple[dict[str, Statistic], float]:
        """The interval of the factor of n, and the share of the replicates with the same side.

        A bootstrap replicate moves the rates at which a trace tells codewords apart: n traces of
        its prompts are worth n times the ratio of the rates, as in `predicting.relabelling`.

        Args:
          verdict: of the game.
          counts: n that were looked at, ascending.
          shares: at each.
          resampler: of the prompts.

        Returns:
          By parameter, of n alone and if it moves the verdict; and a share, NaN with one prompt.
        """
        if resampler.prompts < 2:
            return {}, math.nan
        given = Assumptions(
            leash=Leash("chi2", self._radius), log2_class_size=self._size, num_candidates=1
        )
        gains = horizon_gains(self._laws[self._horizon], given)
        rates = np.stack([gains.cloning_rate, gains.labelling_rate], axis=1)
        drawn = resampled_means(rates, resampler)
        speeds = np.maximum(drawn[1:] / np.where(drawn[0] > 0, drawn[0], 1.0), 1e-9)
        places, table = np.log(np.asarray(counts, float)), np.asarray(shares)

        def lead(x: np.ndarray, index: np.ndarray) -> np.ndarray:
            worth = np.log(x)[:, None] + np.log(speeds[index])
            cloned, labelled = (np.interp(worth[:, i], places, table[:, i]) for i in (0, 1))
            return labelled - cloned

        now = lead(np.full(len(speeds), float(self._count)), np.arange(len(speeds)))
        agreed = float(np.mean([side_of(each, MARGIN) == verdict.side for each in now]))
        move = verdict.move("data_budget")
        if move.factor is None:
            return {}, agreed
        return {"data_budget": _outward_interval(lead, now, move, verdict)}, agreed


def _outward_interval(
    lead: Callable[[np.ndarray, np.ndarray], np.ndarray],
    now: Float[np.ndarray, " B"],
    move: Move,
    verdict: Verdict,
) -> Statistic:
    """Interval of the factor over replicates, looked for in the direction of the estimate's.

    A replicate that already is where the estimate gets has factor 1, one that never gets there 0 or
    infinity.
    """
    assert move.factor is not None, "a verdict that moves"
    assert move.becomes is not None, "a verdict that moves"
    here = {"verifying": MARGIN, "cloning": -MARGIN}
    level = here.get(move.becomes, here.get(verdict.side, MARGIN))
    up = move.factor > 1
    end = move.searched[1] if up else move.searched[0]
    found = solve_crossings(lead, np.full(now.size, move.value), end, level=level)
    there = np.asarray([side_of(each, MARGIN) == move.becomes for each in now])
    factors = np.where(found.crosses, found.at / move.value, np.inf if up else 0.0)
    return factor_interval(move.factor, np.where(there, 1.0, factors))


def _whole(value: int) -> list[int]:
    """Whole numbers at the factors that are looked at, ascending, the value among them."""
    return sorted({max(round(value * factor), 1) for factor in _FACTORS})


def _interpolated(
    name: str, value: float, at: Sequence[float], shares: Sequence[Shares]
) -> Parameter:
    """A parameter whose lead is interpolated, linearly in its logarithm, between looked-at values.

    Args:
      name: of the parameter.
      value: of the parameter now.
      at: values at which the shares are known, ascending.
      shares: at each.
    """
    places = np.log(np.asarray(at, float))
    leads = np.asarray([verifying - cloning for cloning, verifying in shares])
    return Parameter(
        name=name,
        value=float(value),
        lead=lambda x: float(np.interp(math.log(x), places, leads)),
        low=float(min(at)),
        high=float(max(at)),
    )
