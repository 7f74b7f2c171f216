"""The same measurement read off runs in which real transformers were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measurement import MeasuredCell
from verigap.llm_validation.pools.leashes import Leash
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.measured import Measured, Point, is_trained, points
from verigap.storage.tables import TableError
from verigap.storage.units import LengthUnit

_POLICIES = {"clone": CLONING, "verify": SELECTION}


@dataclass(frozen=True, kw_only=True)
class FinetunedMeasurement:
    """Values of trained networks on held-out prompts of the planted subsequence.

    Attributes:
      dataset: "planted".
      model: family of the base and block of the run.
      unit: tokens.
      prompts: held out of every training.
      trainings: least number of independent trainings of a cell.
      num_candidates: N of best-of-N.
      leash: of the expert and of both leashed policies.
      warnings: what a reader must know before using the numbers, one line each.
      cells: ascending in H, then n; not every n at every H.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompts: int
    trainings: int
    num_candidates: int
    leash: Leash
    warnings: tuple[str, ...]
    cells: tuple[MeasuredCell, ...]


def finetuned(rows: Sequence[Mapping[str, Any]]) -> tuple[FinetunedMeasurement, ...]:
    """Measurements of every base family and block of a run, with the intervals of `sim.checks`.

    The values have the meaning of those on pools: "clone" was trained on n traces of the expert,
    "verify" is the best of N by a verifier trained on n labelled base traces, "verify_leashed" the
    chi-square tilt by it.

    Args:
      rows: of a run folder of the planted subsequence.

    Raises:
      TableError: no row comes from trained networks.
    """
    trained = [row for row in rows if is_trained(row)]
    if not trained:
        raise TableError(
            "the run holds no networks of the game planted; sweep a configuration of it, such as "
            "configs/planted-small.yaml"
        )
    measured_points = points(trained)
    groups = dict.fromkeys((point.block, point.family) for point in measured_points)
    measured = []
    for block, family in groups:
        members = [
            point for point in measured_points if (point.block, point.family) == (block, family)
        ]
        row = next(row for row in trained if (row["block"], row["family"]) == (block, family))
        doubts = [
            f"H = {point.horizon}, n = {point.data_budget}: {point.under_training}"
            for point in members
            if point.under_training
        ]
        measured.append(
            FinetunedMeasurement(
                dataset=str(row["game"]),
                model=f"{family} ({block})",
                unit=LengthUnit.TOKENS,
                prompts=len(row["expert_value"]),
                trainings=min(point.trainings for point in members),
                num_candidates=int(row["num_candidates"]),
                leash=Leash("chi2", float(row["chi2_radius"])),
                warnings=tuple(doubts),
                cells=tuple(_cell(point) for point in members),
            )
        )
    return tuple(measured)


def _cell(point: Point) -> MeasuredCell:
    unknown = float("nan")
    values = {
        "base": Statistic(point.base, unknown, unknown),
        "expert": Statistic(point.expert, unknown, unknown),
    }
    for name, learner in _POLICIES.items():
        values[name] = _statistic(point.values[learner])
        values[f"{name}_leashed"] = _statistic(point.leashed[learner])
    return MeasuredCell(
        horizon=point.horizon,
        data_budget=point.data_budget,
        extrapolated=False,
        values=values,
        gap=_statistic(point.gap),
        gap_unleashed=_statistic(point.gap_unleashed),
    )


def _statistic(measured: Measured) -> Statistic:
    return Statistic(measured.estimate, measured.low, measured.high)
