"""Which side leads for a group of traces, and what would move that: bounds, and the game's risks.

The bounds are those of WHEN VF WINS, docs/theory.md, at the coverage of the median prompt. The game
is the relabelling game on the group's own laws, where both sides play the expert's tilt of the
codeword that they pick (docs/theory.md#exact-risks); its risks of a population are averages over
drawn data sets, and are looked at where a parameter is multiplied by powers of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.intervals import LEVEL, Resampler, Statistic
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.predicting.draws import Assumptions, resampled_means
from verigap.llm_validation.predicting.group_laws import laws_of_traces
from verigap.llm_validation.predicting.relabelling import (
    cloning_shares,
    horizon_gains,
    labelling_shares,
)
from verigap.llm_validation.traces import Traces
from verigap.theory import RewardLaw, Setting
from verigap.theory.arrays import host_array
from verigap.theory.frontier import (
    MARGIN,
    Move,
    Parameter,
    Verdict,
    bound_lead,
    bound_parameters,
    nearest_move,
    side_of,
    solve_crossings,
)

DELTA = 0.05
"""Failure probability of the bounds."""

MOST = 16.0
"""Largest factor by which a parameter of the game is moved, up or down; of the bounds it is 64."""

_FACTORS = 2.0 ** np.arange(-4.0, 4.5)
_REPLICATES = 400
_SAMPLED = ("data_budget", "expert_sd", "coverage", "log2_class_size")


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupStanding:
    """Who leads for one group, and by which factor each parameter would have to move to change it.

    Attributes:
      bounds: verdict of the upper bounds, whose lead is ln(VF-UPPER / VB-UPPER); None where the
        coverage of the median prompt is not known or 0.
      game: verdict of the risks of the game, whose lead is J_VB - J_VF on the same leash in shares
        of J_expert - J_base.
      cloning, verifying: shares of J_expert - J_base that either side earns in the game.
      intervals: 95 % intervals of factors, by (verdict, parameter); 0 or infinite at an end where
        replicates find no such factor. Over prompts alone: d, c0 and the leash are held.
      agreement: share of the replicates with the same side as the estimate, by verdict.
      log2_class_size: d (bits) that both take, with the interval of its calibration.
      longest: longest trace, beyond which budgets are extrapolated; None where it is not known.
    """

    bounds: Verdict | None
    game: Verdict
    cloning: float
    verifying: float
    intervals: Mapping[tuple[str, str], Statistic]
    agreement: Mapping[str, float]
    log2_class_size: Statistic
    longest: int | None


def group_setting(
    traces: Traces,
    group: tuple[str, str],
    horizon: int,
    data_budget: int,
    *,
    chi2_radius: float,
    log2_class_size: float,
) -> Setting:
    """The setting of a group's laws, in which its bounds are evaluated; no game is played in it.

    Args:
      traces: the table.
      group: (dataset, model).
      horizon: H.
      data_budget: n.
      chi2_radius: kappa of the expert.
      log2_class_size: d (bits).
    """
    laws = reward_laws(traces, [horizon]).table.select(horizon, *group)
    return Setting.from_law(
        RewardLaw(host_array(laws.support), host_array(laws.probabilities)),
        horizon=float(horizon),
        data_budget=float(data_budget),
        log2_class_size=log2_class_size,
        chi2_radius=chi2_radius,
        failure_probability=DELTA,
        game="other",
    )


def group_standing(
    traces: Traces,
    setting: Setting,
    *,
    log2_class_size: Statistic,
    coverage: Mapping[int, tuple[Coverage, ...]],
    seed: int,
) -> GroupStanding:
    """Where one group stands.

    Args:
      traces: of the group alone.
      setting: of the group, from `group_setting`.
      log2_class_size: d (bits), with the interval of its calibration.
      coverage: c*(kappa) of the fit at several radii, by budget H; its median prompt is meant.
      seed: of the replicates and of the drawn data sets.
    """
    horizon, prompts = int(setting.horizon), setting.law.probabilities.shape[0]
    resampler = Resampler(prompts, seed, _REPLICATES)
    game = _Game(traces, setting, seed)
    verdict, intervals, agreed = game.verdict(resampler)
    cloning, verifying = game.shares(horizon, float(setting.chi2_radius), game.data_budget)
    agreement = {"game": agreed}
    found = None
    median = {h: {row.at: row.quantiles[0.5] for row in rows} for h, rows in coverage.items()}
    c0 = median[horizon].get(float(setting.chi2_radius), math.nan)
    if c0 > 0:
        placed = replace(setting, coverage=host_array(c0))
        found = _bound_verdict(placed, median[horizon])
        own, agreement["bounds"] = _bound_intervals(placed, found, resampler)
        intervals |= own
    return GroupStanding(
        bounds=found,
        game=verdict,
        cloning=cloning,
        verifying=verifying,
        intervals=intervals,
        agreement=agreement,
        log2_class_size=log2_class_size,
        longest=game.longest,
    )


def _bound_verdict(setting: Setting, coverage: Mapping[float, float]) -> Verdict:
    """The verdict of the bounds; the leash moves the coverage of the median prompt as fitted."""
    radii = np.asarray([radius for radius, c0 in sorted(coverage.items()) if radius > 0 and c0 > 0])
    fitted = np.log([coverage[radius] for radius in radii.tolist()])

    def leashed(kappa: float) -> float:
        c0 = np.exp(np.interp(np.log(kappa), np.log(radii), fitted))
        own = replace(setting, chi2_radius=host_array(kappa)).with_expert(host_array(kappa))
        return float(bound_lead(replace(own, coverage=host_array(min(c0, 1.0)))))

    parameters = [
        replace(each, high=min(each.high, 200.0)) if each.name == "log2_class_size" else each
        for each in bound_parameters(setting)
        if each.name in _SAMPLED
    ]
    parameters.append(
        Parameter(
            name="chi2_radius",
            value=float(setting.chi2_radius),
            lead=leashed,
            low=float(radii.min()),
            high=float(radii.max()),
        )
    )
    lead = float(bound_lead(setting))
    moves = tuple(nearest_move(parameter, 0.0) for parameter in parameters)
    return Verdict(side=side_of(lead, 0.0), lead=lead, margin=0.0, moves=moves)


def _bound_intervals(
    setting: Setting, verdict: Verdict, resampler: Resampler
) -> tuple[dict[tuple[str, str], Statistic], float]:
    """Intervals of the bounds' factors over prompts, and how many replicates agree on the side.

    Replicates move sigma_e, a mean over prompts; c0, d and the largest value of the expert stay.
    """
    if resampler.prompts < 2:
        return {}, math.nan
    variances = np.asarray(setting.expert.sd)[:, None] ** 2
    sd = np.sqrt(np.maximum(resampled_means(variances, resampler)[1:, 0], 1e-12))
    intervals = {}
    for move in verdict.moves:
        if move.at is None or move.parameter not in _SAMPLED:
            continue

        def lead(x: np.ndarray, index: np.ndarray, move: Move = move) -> np.ndarray:
            # Moving the heterogeneity moves that of the replicate by the same factor.
            spread = move.parameter == "expert_sd"
            by, given = (x / move.value, {}) if spread else (1.0, {move.parameter: x})
            return _leads(setting, sd.size, expert_sd=sd[index] * by, **given)

        intervals["bounds", move.parameter] = _factor_interval(lead, move, sd.size)
    leads = _leads(setting, sd.size, expert_sd=sd)
    return intervals, float(np.mean(np.sign(leads) == np.sign(verdict.lead)))


def _leads(
    setting: Setting, replicates: int, **columns: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " m"]:
    """`bound_lead` in m <= `replicates` settings that differ in some of `_SAMPLED`."""
    size = len(next(iter(columns.values())))
    # As many as there are replicates at any time, so that one program is compiled.
    filled = {
        name: np.resize(columns.get(name, np.asarray(getattr(setting, name))), replicates)
        for name in _SAMPLED
    }
    return np.asarray(_compiled_leads(jax.tree.map(jnp.asarray, setting), filled))[:size]


@jax.jit
def _compiled_leads(
    setting: Setting, columns: Mapping[str, Float[Array, " B"]]
) -> Float[Array, " B"]:
    return jax.vmap(lambda own: jnp.asarray(bound_lead(replace(setting, **own))))(columns)


def _factor_interval(
    lead: Callable[[np.ndarray, np.ndarray], np.ndarray], move: Move, replicates: int
) -> Statistic:
    """Interval of the factor over replicates, all looked at from one end of the range to the other.

    A replicate whose lead is positive everywhere, or negative, has factor 0 or infinite: whichever
    lies beyond the end at which it would first be on the other side.
    """
    assert move.factor is not None, "a verdict that moves"
    low, high = move.searched
    found = solve_crossings(lead, np.full(replicates, low), high)
    factors = found.at / move.value
    # Rising: whoever is positive everywhere has crossed below the range.
    rising = (move.becomes == "verifying") == (move.factor > 1)
    none = np.where((found.first > 0) == rising, 0.0, np.inf)
    factors = np.where(found.crosses, factors, none)
    return _interval(move.factor, factors)


def _interval(estimate: float, factors: Float[np.ndarray, " B"]) -> Statistic:
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(factors, tails, method="inverted_cdf")
    return Statistic(estimate, min(float(low), estimate), max(float(high), estimate))


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
    return _interval(move.factor, np.where(there, 1.0, factors))


class _Game:
    """The game on a group's laws, at the budgets and radii that are looked at."""

    def __init__(self, traces: Traces, setting: Setting, seed: int) -> None:
        self.horizon, self.data_budget = int(setting.horizon), int(setting.data_budget)
        self.radius, self.size = float(setting.chi2_radius), float(setting.log2_class_size)
        self.seed = seed
        self.horizons = _whole(self.horizon)
        (group,) = laws_of_traces(traces, self.horizons)
        self.laws, self.longest = group.laws, group.longest

    def shares(self, horizon: int, radius: float, data_budget: int) -> tuple[float, float]:
        """Shares of the expert's gain that cloning and verifying earn."""
        ((cloned, labelled),) = self._shares(horizon, radius, data_budget, [self.size])
        return cloned, labelled

    def _shares(self, horizon: int, radius: float, data_budget: int, sizes: list[float]):
        law = self.laws[horizon]
        cloned = cloning_shares(law, radius, data_budget, sizes, self.seed)
        return list(zip(cloned.tolist(), labelling_shares(law, data_budget, sizes), strict=True))

    def verdict(
        self, resampler: Resampler
    ) -> tuple[Verdict, dict[tuple[str, str], Statistic], float]:
        """The verdict, the interval of the factor of n, and how many replicates agree.

        A bootstrap replicate moves the rates at which a trace tells codewords apart: n traces of
        its prompts are worth n times the ratio of the rates, as in `predicting.relabelling`.
        """
        counts, radii = _whole(self.data_budget), (self.radius * _FACTORS).tolist()
        sizes = [d for d in (self.size * _FACTORS).tolist() if d <= 200.0]
        by_count = np.asarray([self.shares(self.horizon, self.radius, n) for n in counts])
        tables = {
            "data_budget": (counts, by_count),
            "horizon": (
                self.horizons,
                [self.shares(h, self.radius, self.data_budget) for h in self.horizons],
            ),
            "chi2_radius": (
                radii,
                [self.shares(self.horizon, kappa, self.data_budget) for kappa in radii],
            ),
            "log2_class_size": (
                sizes,
                self._shares(self.horizon, self.radius, self.data_budget, sizes),
            ),
        }
        values = {
            "data_budget": self.data_budget,
            "horizon": self.horizon,
            "chi2_radius": self.radius,
            "log2_class_size": self.size,
        }
        moves = tuple(
            nearest_move(_interpolated(name, float(values[name]), *tables[name]), MARGIN, MOST)
            for name in tables
        )
        lead = _interpolated("data_budget", float(self.data_budget), counts, by_count).lead(
            float(self.data_budget)
        )
        found = Verdict(side=side_of(lead, MARGIN), lead=lead, margin=MARGIN, moves=moves)
        return found, *self._replicates(found, np.asarray(counts, float), by_count, resampler)

    def _replicates(
        self,
        verdict: Verdict,
        counts: Float[np.ndarray, " n"],
        shares: Float[np.ndarray, "n 2"],
        resampler: Resampler,
    ) -> tuple[dict[tuple[str, str], Statistic], float]:
        """The interval of the factor of n, and how many replicates have the estimate's side."""
        if resampler.prompts < 2:
            return {}, math.nan
        given = Assumptions(chi2_radius=self.radius, log2_class_size=self.size, num_candidates=1)
        gains = horizon_gains(self.laws[self.horizon], given)
        rates = np.stack([gains.cloning_rate, gains.labelling_rate], axis=1)
        drawn = resampled_means(rates, resampler)
        speeds = np.maximum(drawn[1:] / np.where(drawn[0] > 0, drawn[0], 1.0), 1e-9)

        def lead(x: np.ndarray, index: np.ndarray) -> np.ndarray:
            worth = np.log(x)[:, None] + np.log(speeds[index])
            cloned, labelled = (
                np.interp(worth[:, side], np.log(counts), shares[:, side]) for side in (0, 1)
            )
            return labelled - cloned

        start = np.full(len(speeds), float(self.data_budget))
        leads = lead(start, np.arange(len(speeds)))
        agreed = float(np.mean([side_of(each, MARGIN) == verdict.side for each in leads]))
        move = verdict.move("data_budget")
        if move.factor is None:
            return {}, agreed
        return {("game", "data_budget"): _outward_interval(lead, leads, move, verdict)}, agreed


def _whole(value: int) -> list[int]:
    """Whole numbers at the factors that are looked at, ascending, the value among them."""
    return sorted({max(round(value * factor), 1) for factor in _FACTORS.tolist()})


def _interpolated(name: str, value: float, at, shares) -> Parameter:
    """A parameter whose lead is interpolated, linearly in its logarithm, between looked-at values.

    Args:
      name: of the parameter.
      value: of the parameter now.
      at: values at which the shares are known, ascending.
      shares: of cloning and of verifying at each.
    """
    places = np.log(np.asarray(at, float))
    leads = np.asarray([verifying - cloning for cloning, verifying in shares])
    return Parameter(
        name=name,
        value=value,
        lead=lambda x: float(np.interp(math.log(x), places, leads)),
        low=float(min(at)),
        high=float(max(at)),
    )
