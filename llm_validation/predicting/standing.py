"""Which side leads for a group of traces, and what would move that: on bounds and in the game."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.predicting.standing_bounds import bound_intervals, bound_verdict
from verigap.llm_validation.predicting.standing_game import GroupGame
from verigap.llm_validation.traces import Traces
from verigap.theory import Setting
from verigap.theory.arrays import host_array
from verigap.theory.frontier import Verdict

_REPLICATES = 400


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


def group_standing(
    traces: Traces,
    setting: Setting,
    *,
    log2_class_size: Statistic,
    coverage: tuple[Coverage, ...],
    seed: int,
) -> GroupStanding | None:
    """Where one group stands; None where the expert adds nothing, so that nothing can be learned.

    Args:
      traces: of the group alone.
      setting: of the group, from `standing_bounds.group_setting`.
      log2_class_size: d (bits), with the interval of its calibration.
      coverage: c*(kappa) of the fit at the setting's budget, at several radii and that of the
        setting; its median prompt is meant.
      seed: of the replicates and of the drawn data sets.
    """
    if not np.any(np.asarray(setting.expert.gain) > 0):
        return None
    resampler = Resampler(setting.law.probabilities.shape[0], seed, _REPLICATES)
    game = GroupGame(traces, setting, seed)
    played, by_count = game.verdict()
    found, agreed = game.intervals(played, *by_count, resampler)
    intervals = {("game", name): interval for name, interval in found.items()}
    agreement = {"game": agreed}
    median = {row.at: row.quantiles[0.5] for row in coverage}
    c0, bounds = median.get(float(setting.class_radius), math.nan), None
    if c0 > 0:
        placed = replace(setting, coverage=host_array(c0))
        bounds = bound_verdict(placed, median)
        found, agreement["bounds"] = bound_intervals(placed, bounds, resampler)
        intervals |= {("bounds", name): interval for name, interval in found.items()}
    return GroupStanding(
        bounds=bounds,
        game=played,
        cloning=game.now[0],
        verifying=game.now[1],
        intervals=intervals,
        agreement=agreement,
        log2_class_size=log2_class_size,
        longest=game.longest,
    )
