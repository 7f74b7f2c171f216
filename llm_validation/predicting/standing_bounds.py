"""The verdict of the upper bounds on a group of traces, at the coverage of its median prompt."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from verigap.llm_validation.intervals import LEVEL, Resampler, Statistic
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.predicting.draws import resampled_means
from verigap.llm_validation.traces import Traces
from verigap.theory import RewardLaw, Setting
from verigap.theory.arrays import host_array
from verigap.theory.frontier import (
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

_SAMPLED = ("data_budget", "expert_sd", "coverage", "log2_class_size")
_MOST_BITS = 200.0


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


def bound_verdict(setting: Setting, coverage: Mapping[float, float]) -> Verdict:
    """The verdict of the bounds.

    Args:
      setting: of the group, at the coverage of its median prompt.
      coverage: that of the median prompt by radius kappa, as fitted; a leash has that of its own.
    """
    radii = np.asarray([radius for radius, c0 in sorted(coverage.items()) if radius > 0 and c0 > 0])
    fitted = np.log([coverage[radius] for radius in radii.tolist()])

    def leashed(kappa: float) -> float:
        c0 = np.exp(np.interp(np.log(kappa), np.log(radii), fitted))
        own = replace(setting, class_radius=host_array(kappa)).with_expert(host_array(kappa))
        return float(bound_lead(replace(own, coverage=host_array(min(c0, 1.0)))))

    parameters = [
        replace(each, high=min(each.high, _MOST_BITS)) if each.name == "log2_class_size" else each
        for each in bound_parameters(setting)
        if each.name in _SAMPLED
    ]
    parameters.append(
        Parameter(
            name="class_radius",
            value=float(setting.class_radius),
            lead=leashed,
            low=float(radii.min()),
            high=float(radii.max()),
        )
    )
    lead = float(bound_lead(setting))
    moves = tuple(nearest_move(parameter, 0.0) for parameter in parameters)
    return Verdict(side=side_of(lead, 0.0), lead=lead, margin=0.0, moves=moves)


def bound_intervals(
    setting: Setting, verdict: Verdict, resampler: Resampler
) -> tuple[dict[str, Statistic], float]:
    """Intervals of factors over prompts, and the share of the replicates with the same side.

    Replicates move sigma_e, a mean over prompts; c0, d and the largest value of the expert stay.

    Args:
      setting: of the group.
      verdict: in the setting.
      resampler: of the prompts.

    Returns:
      By parameter, of those that move the verdict; and a share, NaN with one prompt.
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

        intervals[move.parameter] = _factor_interval(lead, move, sd.size)
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
    return factor_interval(move.factor, factors)


def factor_interval(estimate: float, factors: Float[np.ndarray, " B"]) -> Statistic:
    """The percentile interval of a factor, 0 or infinite where replicates have none."""
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(factors, tails, method="inverted_cdf")
    return Statistic(estimate, min(float(low), estimate), max(float(high), estimate))
