"""Types of a prediction: risks, gaps and crossovers of one (dataset, model)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from verigap.llm_validation.fitting.lost import UNCHECKED, BiLevel
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting.crossover import Crossover
from verigap.storage.units import LengthUnit

Predictor = Literal["relabelling", "parametric"]
RELABELLING: Predictor = "relabelling"
PARAMETRIC: Predictor = "parametric"


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedCell:
    """Predicted suboptimality at one budget and one amount of data.

    Suboptimality is against the best policy of the chi-square ball, in the unit of the traces; it
    may be negative. A learner that a predictor says nothing about is NaN.

    Attributes:
      horizon: H >= 1.
      data_budget: n >= 1, expert traces (verifier-free) or labelled base traces (verifier-based).
      extrapolated: whether H is beyond the longest trace.
      suboptimality: by learner: "vf-mle", log-loss cloning; "vf-bayes", the best verifier-free
        learner on average; "vb-version-space", version space with pessimism, or the chi-square
        tilt by a learned reward; "vb-best-of-n", best-of-N by the learned reward.
      gap: J_VB - J_VF on the same leash: version space against cloning. The parametric predictor
        moves the estimate towards 0 as far as it is noise (`draws.shrunk`), so that it may differ
        a little from the difference of the suboptimalities.
      gap_best_of_n: the same with best-of-N for the version space: without a leash.
      bounds: value by registry name, of bounds whose assumptions hold.
    """

    horizon: int
    data_budget: int
    extrapolated: bool
    suboptimality: Mapping[str, Statistic]
    gap: Statistic
    gap_best_of_n: Statistic
    bounds: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupPrediction:
    """The prediction of one (dataset, model).

    Attributes:
      dataset, model, unit: of the group; lengths and returns count the unit.
      prompts: prompts behind the intervals.
      leash: of the expert and of every leashed policy.
      num_candidates: N of best-of-N.
      predictor: what predicts: "parametric" from traces, "relabelling" where d is given.
      log2_class_size: d in bits; the interval of a calibrated one, NaN for one that was given. Only
        the relabelling game and the bounds depend on it.
      class_size_source: whether d was given or calibrated on a small-n slice.
      false_positive, false_negative: error rates of the check at test time; 0 for an exact one.
      base, expert: J_base and J_expert by horizon.
      cells: in order of horizon and data budget.
      crossover_data_budget: n*(H): fewest traces from which on the gap is not worth caring about,
        by the margin of `crossover`.
      crossover_horizon: H*(n): the smallest budget from which on it is, likewise.
      warnings: what a reader must know before using the numbers, one line each.
      bi_level: whether correct traces stay correct, and both readings where not.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompts: int
    leash: Leash
    num_candidates: int
    predictor: Predictor
    log2_class_size: Statistic
    class_size_source: Literal["given", "calibrated"]
    false_positive: float
    false_negative: float
    base: Mapping[int, Statistic]
    expert: Mapping[int, Statistic]
    cells: tuple[PredictedCell, ...]
    crossover_data_budget: Mapping[int, Crossover]
    crossover_horizon: Mapping[int, Crossover]
    warnings: tuple[str, ...]
    bi_level: BiLevel = UNCHECKED

    def cell(self, horizon: int, data_budget: int) -> PredictedCell:
        """The cell of that budget and n; KeyError where there is none."""
        for cell in self.cells:
            if (cell.horizon, cell.data_budget) == (horizon, data_budget):
                return cell
        raise KeyError((horizon, data_budget))
