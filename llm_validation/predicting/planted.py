"""The relabelling prediction scored on runs of trained networks (planted subsequence).

A run holds each held-out prompt's mean and sd of the return under the oracle's base, so each law
is the two-point law of that mean and sd; the expert's value is the run's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.predicting.calibration import SIZES, smaller_half
from verigap.llm_validation.predicting.draws import Assumptions, statistic
from verigap.llm_validation.predicting.group_laws import GroupLaws, padded_law, two_points
from verigap.llm_validation.predicting.prediction import RELABELLING
from verigap.llm_validation.predicting.relabelling import cloning_shares, predicted_draws
from verigap.llm_validation.predicting.scoring import Cell, MethodScore, score_gaps
from verigap.sim.planted.learners import CLONING
from verigap.sim.planted.measured import Point, points
from verigap.storage.units import LengthUnit


@dataclass(frozen=True, kw_only=True)
class PlantedPrediction:
    """The prediction of one family of a run, and what was measured.

    Attributes:
      family: of the base.
      log2_class_size: d in bits, calibrated.
      predicted, measured: leashed gap by (horizon, n), tokens.
      seen: the cells that calibrated.
    """

    family: str
    log2_class_size: float
    predicted: dict[Cell, Statistic]
    measured: dict[Cell, Statistic]
    seen: tuple[Cell, ...]

    def scores(self) -> tuple[tuple[Cell, ...], tuple[MethodScore, ...]]:
        """Held-out cells, and the scores on them of the prediction and of the baselines."""
        return score_gaps({RELABELLING: self.predicted}, self.measured, self.seen)


def predict_planted(rows: Sequence[Mapping[str, Any]]) -> list[PlantedPrediction]:
    """Predictions of the leashed gap of every family of a run.

    Cells of the smaller half of the budgets or of the smaller half of the n calibrate (a run has no
    full grid); those that are large in both are held out.

    Args:
      rows: cells of a run of the planted subsequence.
    """
    found = []
    for family in sorted({row["family"] for row in rows}):
        own = [row for row in rows if row["family"] == family]
        measured: dict[Cell, Point] = {}
        for point in points(own):
            measured.setdefault((point.horizon, point.data_budget), point)
        laws = _laws(family, own)
        kappa = float(own[0]["chi2_radius"])
        seen = _seen(list(measured))
        size = _class_size(laws, {cell: measured[cell] for cell in seen}, kappa)
        given = Assumptions(
            chi2_radius=kappa, log2_class_size=size, num_candidates=int(own[0]["num_candidates"])
        )
        resampler = Resampler(laws.prompts, 0, 1000)
        data_budgets = sorted({n for _, n in measured})
        gap = predicted_draws(laws, given, data_budgets, resampler).gap()
        predicted = {
            (horizon, n): statistic(gap[:, i, j])
            for i, horizon in enumerate(laws.laws)
            for j, n in enumerate(data_budgets)
            if (horizon, n) in measured
        }
        truth = {
            cell: Statistic(point.gap.estimate, point.gap.low, point.gap.high)
            for cell, point in measured.items()
        }
        found.append(
            PlantedPrediction(
                family=family,
                log2_class_size=size,
                predicted=predicted,
                measured=truth,
                seen=tuple(seen),
            )
        )
    return found


def score_planted(
    rows: Sequence[Mapping[str, Any]],
) -> list[tuple[str, float, tuple[MethodScore, ...]]]:
    """Family, calibrated class size (bits) and scores of the leashed gap of every family of a run.

    Args:
      rows: cells of a run of the planted subsequence.
    """
    return [
        (found.family, found.log2_class_size, found.scores()[1]) for found in predict_planted(rows)
    ]


def _seen(cells: list[Cell]) -> list[Cell]:
    """Cells whose budget or whose n is among the smaller half."""
    horizons = smaller_half(sorted({horizon for horizon, _ in cells}))
    small = smaller_half(sorted({n for _, n in cells}))
    return [(horizon, n) for horizon, n in cells if horizon in horizons or n in small]


def _laws(family: str, rows: Sequence[Mapping[str, Any]]) -> GroupLaws:
    laws, prompts = {}, 0
    for row in sorted(rows, key=lambda row: row["horizon"]):
        horizon = int(row["horizon"])
        pairs = [
            two_points(float(mean), float(sd), horizon)
            for mean, sd in zip(row["oracle_value"], row["oracle_sd"], strict=True)
        ]
        prompts = len(pairs)
        laws[horizon] = padded_law(
            [[0.0, top] for top, _ in pairs], [[1.0 - share, share] for _, share in pairs], horizon
        )
    names = tuple(str(index) for index in range(prompts))
    return GroupLaws(
        dataset="planted",
        model=family,
        unit=LengthUnit.TOKENS,
        prompt_ids=names,
        samples=64,
        laws=laws,
        longest=None,
    )


def _class_size(laws: GroupLaws, cells: Mapping[Cell, Point], kappa: float) -> float:
    """The d whose cloning falls short of the expert as the trained clone does on the leash."""
    misfit = np.zeros(len(SIZES))
    for (horizon, n), point in cells.items():
        shares = cloning_shares(laws.laws[horizon], kappa, n, SIZES)
        clone = point.leashed[CLONING].estimate
        adds = point.expert - point.base
        misfit += ((point.expert - clone - (1.0 - shares) * adds) / horizon) ** 2
    return SIZES[int(np.argmin(misfit))]
