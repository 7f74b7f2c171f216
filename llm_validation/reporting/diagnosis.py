"""Everything a diagnosis found, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from verigap.llm_validation.fitting.fit import Fit, GroupFit
from verigap.llm_validation.fitting.horizons import HorizonFit
from verigap.llm_validation.intervals import LEVEL, Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.predicting.scoring import PredictionScore
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.settling import Settling, what_would_settle
from verigap.llm_validation.reporting.verdict import Verdict, Verifier, decide

# The policy that stands for the arm "verify" with each verifier.
VERIFY_POLICY: Mapping[Verifier, str] = {"exact": "exact", "learned": "verify"}


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupDiagnosis:
    """The diagnosis of one (dataset, model).

    Attributes:
      fit: statistics of the traces.
      prediction: made from the calibration cells of the measurement alone.
      measurement: of the same traces.
      score: how the prediction does on other prompts, in the held-out cells.
      phase: see `reporting.phase`; None where the class size is not known.
      assumptions: that fail or cannot be checked.
      rows: the trace rows of the group.
      seed: of the bootstrap.
    """

    fit: GroupFit
    prediction: GroupPrediction
    measurement: GroupMeasurement
    score: PredictionScore
    phase: Mapping[str, Any] | None
    assumptions: tuple[Assumption, ...]
    rows: pl.DataFrame
    seed: int

    @property
    def target(self) -> tuple[int, int]:
        """Positions of the budget and of n that the verdict is about: the largest of each."""
        return target_cell(self.measurement)

    @property
    def budget(self) -> HorizonFit:
        """The fit at the budget that the verdict is about."""
        return self.fit.horizon_fits[self.target[0]]

    @cached_property
    def _joint(self) -> dict[str, Float[np.ndarray, " B"]]:
        if not self.measurement.tested.any():
            return {}
        horizon, data = self.target
        drawn = self.measurement.draws(seed=self.seed)
        return {name: values[:, horizon, data] for name, values in drawn.items()}

    @cached_property
    def measured(self) -> dict[str, Statistic]:
        """Value of every measured policy at the target, with the interval of the joint draws.

        No return is below 0 or above H, and no interval, though draws of few prompts may be.
        """
        horizon, data = self.target
        most = self.measurement.horizons[horizon]
        tested = self.measurement.tested
        values = {name: all_[horizon, data] for name, all_ in self.measurement.values.items()}
        return {
            name: Statistic(
                float(values[name][tested].mean()), *np.clip(percentiles(draws), 0, most).tolist()
            )
            for name, draws in self._joint.items()
            # A learner that could not be trained has no value on prompts that are held out.
            if np.isfinite(values[name][tested]).all()
        }

    def arms(self, verifier: Verifier) -> dict[str, Float[np.ndarray, " B"]]:
        """Joint draws of the arms of the verdict at the target (tokens), NaN if not measured."""
        policies = {"base": "base", "clone": "clone", "vote": "vote"}
        policies |= {"verify": VERIFY_POLICY[verifier], "exact": "exact"}
        nothing = np.full(max((len(draws) for draws in self._joint.values()), default=1), np.nan)
        return {
            arm: self._joint[policy] if policy in self.measured else nothing
            for arm, policy in policies.items()
        }

    def verdict(self, verifier: Verifier) -> Verdict:
        """The verdict for one kind of verifier."""
        arms = self.arms(verifier)
        return decide(arms, arms["exact"], self.measurement.mixed)

    def settling(self, verifier: Verifier) -> Settling | None:
        """What would settle it."""
        measurement = self.measurement
        return what_would_settle(
            self.verdict(verifier),
            len(measurement.prompt_ids),
            measurement.mixed,
            self.noise_within,
        )

    @property
    def noise_within(self) -> float:
        """Share of the variance of prompts' mean returns that is noise within prompts."""
        budget = self.budget
        samples = self.fit.counts.samples
        several = samples > 1
        spread = float(np.var(budget.mean_return_by_prompt, ddof=1)) if samples.size > 1 else 0.0
        if not spread or not several.any():
            return float("nan")
        noise = budget.sigma_by_prompt[several] ** 2 / (samples[several] - 1)
        return float(min(noise.mean() / spread, 1.0))


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The diagnosis of a trace table.

    Attributes:
      groups: sorted by (dataset, model).
      fit: of all groups; says which were left out for lack of a verified sample.
      source: where the traces come from.
    """

    groups: tuple[GroupDiagnosis, ...]
    fit: Fit
    source: str


def target_cell(measurement: GroupMeasurement) -> tuple[int, int]:
    """Positions of the largest budget and of the largest n.

    The budget is the largest within the longest trace, unless all are beyond it.
    """
    within = [index for index, beyond in enumerate(measurement.extrapolated) if not beyond]
    horizon = within[-1] if within else len(measurement.horizons) - 1
    return horizon, len(measurement.data_budgets) - 1


def percentiles(draws: Float[np.ndarray, " B"]) -> tuple[float, float]:
    """Ends of the 95 % interval of joint draws; NaN where nothing was seen to differ."""
    if np.ptp(draws) <= 1e-12 * np.abs(draws).max():
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
