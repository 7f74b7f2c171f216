"""Everything a diagnosis found, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from verigap.llm_validation.deciding.allocation import Allocation
from verigap.llm_validation.deciding.comparison import Comparison
from verigap.llm_validation.deciding.decisions import GroupDecisions
from verigap.llm_validation.deciding.methods.equal_budgets import EqualBudgets
from verigap.llm_validation.fitting.fit import Fit, GroupFit
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.predicting.standing import GroupStanding
from verigap.llm_validation.reporting.assumptions import Assumption


@dataclass(frozen=True, kw_only=True, eq=False)
class Theory:
    """What the theory says of one group: the gap between verifying and cloning in returns.

    Attributes:
      prediction: made from the calibration cells of the measurement alone.
      measurement: of the same traces.
      phase: see `reporting.phase`; None where the class size is not known.
      standing: who leads there, and what would move it; None where the class size is not known, or
        the expert adds nothing.
      horizon: the budget H that the phase and the statistics are shown at.
      data_budget: n likewise.
    """

    prediction: GroupPrediction
    measurement: GroupMeasurement
    phase: Mapping[str, Any] | None
    standing: GroupStanding | None
    horizon: int
    data_budget: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupDiagnosis:
    """The diagnosis of one (dataset, model).

    Attributes:
      pools: its samples.
      decisions: how to select, and what to train.
      num_candidates: N that was asked for; the decisions may be about fewer, see theirs.
      allocations: accuracy and tokens of arms that learn nothing, at shorter budgets too.
      methods: further arms at test time, at equal tokens and labels, on which no decision rests;
        None at N = 1.
      fit: statistics of the traces.
      theory: None where no lengths are known, without which there are no returns.
      assumptions: that fail or cannot be checked.
      rows: the trace rows of the group.
    """

    pools: SamplePools
    decisions: GroupDecisions
    num_candidates: int
    allocations: tuple[Allocation, ...]
    methods: EqualBudgets | None
    fit: GroupFit
    theory: Theory | None
    assumptions: tuple[Assumption, ...]
    rows: pl.DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis:
    """The diagnosis of a trace table.

    Attributes:
      groups: sorted by (dataset, model).
      comparisons: paired differences of groups that share prompts.
      fit: of all groups; says which were left out for lack of a graded sample.
      source: where the traces come from.
      seed: of all randomness.
    """

    groups: tuple[GroupDiagnosis, ...]
    comparisons: tuple[Comparison, ...]
    fit: Fit
    source: str
    seed: int
