"""Measured values of every policy on held-out prompts, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.fitting.lost import UNCHECKED, BiLevel
from verigap.llm_validation.intervals import Statistic, bca_interval, student_spread
from verigap.storage.units import LengthUnit

if TYPE_CHECKING:
    from verigap.llm_validation.pools.leashes import Leash
    from verigap.llm_validation.pools.policy_values import PolicyValues, Settings
    from verigap.llm_validation.pools.pools import SamplePools

POLICIES = (
    "base",
    "expert",
    "clone",
    "clone_leashed",
    "vote",
    "verify",
    "verify_leashed",
    "exact",
    "score",
)
REPLICATES = 2000


@dataclass(frozen=True, kw_only=True)
class MeasuredCell:
    """One budget and one amount of data.

    Attributes:
      horizon: H, in the unit of the group, like all values.
      data_budget: n, demonstrations or labelled traces.
      extrapolated: whether H is beyond the longest trace.
      values: mean value of each policy.
      gap: verifying less cloning, both within the same chi-square ball: the headline.
      gap_unleashed: best-of-N less the clone as fitted.
    """

    horizon: int
    data_budget: int
    extrapolated: bool
    values: dict[str, Statistic]
    gap: Statistic
    gap_unleashed: Statistic


LEASHED = ("verify_leashed", "clone_leashed")
UNLEASHED = ("verify", "clone")


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupMeasurement:
    """Values of every policy on the prompts of one (dataset, model).

    Attributes:
      dataset, model: of the group.
      unit: what lengths, budgets and values count.
      prompt_ids: the P prompts with a verified sample, sorted.
      samples: verified samples, the union of the pools.
      unverified: samples that could not be verified; they are in no pool.
      mixed: prompts with both correct and incorrect verified samples.
      expert_share: share of prompts whose pool holds a success: those that an expert can show.
      horizons: budgets H (tokens), ascending.
      data_budgets: n, ascending: demonstrations of the cloner, and labelled traces of the reward
        model.
      num_candidates: N of best-of-N and of the vote.
      leash: of the expert and of both leashed policies.
      extrapolated: whether each budget is beyond the longest trace.
      values: by policy (see `POLICIES`; "score" only where the table has one), in tokens; NaN where
        the prompt trained the learners of that seed.
      warnings: what a reader must know before using the numbers, one line each.
      features: names of the features of a trace that the learners saw.
      learned_by: how the clone was made.
      bi_level: whether correct traces stay correct, and both readings where not.

    The policies: "base" draws from the pool; "expert" is the best policy within the leash
    around it, which saw the returns of the very pool; "clone" is the maximum-likelihood tilt fitted
    to n of the expert's traces on other prompts, "clone_leashed" the same projected onto the ball;
    "verify" is the best of N by a reward model fitted to n labelled traces of other prompts,
    "verify_leashed" the best policy of the ball by it; "vote" takes the commonest answer of N,
    "exact" the largest return of N, "score" the largest `verifier_score` of N.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompt_ids: tuple[str, ...]
    samples: int
    unverified: int
    mixed: int
    expert_share: float
    horizons: tuple[int, ...]
    data_budgets: tuple[int, ...]
    num_candidates: int
    leash: Leash
    extrapolated: tuple[bool, ...]
    values: dict[str, Float[np.ndarray, "horizons data_budgets seeds prompts"]]
    warnings: tuple[str, ...]
    features: tuple[str, ...] = ()
    learned_by: str = "tilting pools"
    bi_level: BiLevel = UNCHECKED

    @classmethod
    def of(
        cls,
        pools: SamplePools,
        settings: Settings,
        horizons: Sequence[int],
        cells: Sequence[PolicyValues],
        *,
        longest: float | None = None,
        warnings: Sequence[str] = (),
        features: Sequence[str] = (),
        bi_level: BiLevel = UNCHECKED,
    ) -> GroupMeasurement:
        """The measurement of policies on the pools of one group.

        Args:
          pools: the samples.
          settings: what all budgets share.
          horizons: budgets (tokens), ascending.
          cells: values of every policy, one entry a budget; see `values_at`.
          longest: beyond which a budget is extrapolated (tokens); by default `pools.reach`.
          warnings: see the class; fits that did not converge are added.
          features: see the class.
          bi_level: see the class.
        """
        reach = pools.reach if longest is None else longest
        return cls(
            dataset=pools.dataset,
            model=pools.model,
            unit=pools.unit,
            prompt_ids=pools.prompt_ids,
            samples=int(pools.sizes.sum()),
            unverified=pools.unverified,
            mixed=pools.mixed,
            expert_share=pools.expert_share,
            horizons=tuple(horizons),
            data_budgets=settings.data_budgets,
            num_candidates=settings.num_candidates,
            leash=settings.leash,
            extrapolated=tuple(horizon > reach for horizon in horizons),
            values={
                name: np.stack([cell.values[name] for cell in cells]) for name in cells[0].values
            },
            warnings=(*warnings, *_unconverged(horizons, cells)),
            features=tuple(features),
            bi_level=bi_level,
        )

    @property
    def tested(self) -> Bool[np.ndarray, "seeds prompts"]:
        """Whether each seed holds each prompt out."""
        return ~np.isnan(self.values["base"][0, 0])

    def means(self) -> dict[str, Float[np.ndarray, "horizons data_budgets"]]:
        """Mean value of each policy over held-out prompts and seeds (tokens); NaN if unknown."""
        return {name: self._mean(values) for name, values in self.values.items()}

    def draws(
        self,
        replicates: int = REPLICATES,
        seed: int = 0,
        prompts: Float[np.ndarray, "B P"] | None = None,
    ) -> dict[str, Float[np.ndarray, "B horizons data_budgets"]]:
        """Joint bootstrap of the mean value of every policy (tokens).

        Each replicate draws prompts and seeds with replacement, the same for all policies, budgets
        and n, so that functions of several of them can be taken replicate by replicate. Draws of
        few units spread too little: their weights are spread out as Student's law is wider than the
        normal one at 95 %. The training half of a table is not drawn again (docs/measuring.md has
        what that costs).

        Args:
          replicates: B.
          seed: seed of the draws; the same seed gives the same intervals.
          prompts: how often each replicate draws each prompt, to draw them jointly with something
            else; drawn here by default.
        """
        rng = np.random.default_rng(seed)
        drawn = [
            rng.multinomial(units, np.full(units, 1 / units), replicates)
            for units in self.tested.shape
        ]
        if prompts is not None:
            drawn[1] = prompts
        by_seed, by_prompt = (
            1.0 + student_spread(units) * (counts - 1)
            for units, counts in zip(self.tested.shape, drawn, strict=True)
        )
        drawn_means = {}
        for name, values in self.values.items():
            mean = self._mean(values)
            moved = np.where(self.tested, values - mean[:, :, None, None], 0.0)
            sums = np.einsum("bs,bp,hnsp->bhn", by_seed, by_prompt, moved, optimize=True)
            drawn_means[name] = mean + sums / self.tested.sum()
        return drawn_means

    def gap(
        self, *, leashed: bool = True, replicates: int = REPLICATES, seed: int = 0
    ) -> dict[tuple[int, int], Statistic]:
        """Value of verifying less value of cloning (tokens), by (horizon, n), with intervals.

        Args:
          leashed: whether both policies are kept on the same leash.
          replicates: number of bootstrap replicates.
          seed: seed of the bootstrap; the same seed gives the same intervals.
        """
        return self._gap(LEASHED if leashed else UNLEASHED, self.draws(replicates, seed))

    def cells(self, replicates: int = REPLICATES, seed: int = 0) -> tuple[MeasuredCell, ...]:
        """Everything measured, one entry a budget and n, with intervals from one bootstrap."""
        drawn = self.draws(replicates, seed)
        values = {name: self._statistics(self.values[name], drawn[name]) for name in self.values}
        gap, unleashed = self._gap(LEASHED, drawn), self._gap(UNLEASHED, drawn)
        return tuple(
            MeasuredCell(
                horizon=horizon,
                data_budget=n,
                extrapolated=beyond,
                values={name: by_cell[horizon, n] for name, by_cell in values.items()},
                gap=gap[horizon, n],
                gap_unleashed=unleashed[horizon, n],
            )
            for horizon, beyond in zip(self.horizons, self.extrapolated, strict=True)
            for n in self.data_budgets
        )

    def _mean(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.tested, values, 0.0).sum(axis=(2, 3)) / self.tested.sum()

    def _gap(
        self, ends: tuple[str, str], drawn: dict[str, np.ndarray]
    ) -> dict[tuple[int, int], Statistic]:
        better, worse = ends
        return self._statistics(
            self.values[better] - self.values[worse], drawn[better] - drawn[worse]
        )

    def _statistics(
        self, values: np.ndarray, drawn: np.ndarray
    ) -> dict[tuple[int, int], Statistic]:
        """Means of values over seeds and prompts, with intervals from replicates of them."""
        held_out = self.tested.any(axis=0)
        sums = np.where(self.tested, values, 0.0).sum(axis=2)[:, :, held_out]
        by_prompt = sums / self.tested.sum(axis=0)[held_out]
        columns = by_prompt.reshape(-1, by_prompt.shape[2]).T
        estimate = self._mean(values).ravel()
        interval = bca_interval(estimate, drawn.reshape(drawn.shape[0], -1), columns)
        # Prompts that do not differ show nothing of the spread between prompts.
        spread = np.ptp(columns, axis=0) > 1e-12 * np.repeat(self.horizons, len(self.data_budgets))
        low, high = (np.where(spread, end, np.nan) for end in interval)
        cells = [(horizon, n) for horizon in self.horizons for n in self.data_budgets]
        return {
            cell: Statistic(float(middle), float(least), float(most))
            for cell, middle, least, most in zip(cells, estimate, low, high, strict=True)
        }


def _unconverged(horizons: Sequence[int], cells: Sequence[PolicyValues]) -> list[str]:
    """A warning for each budget and learner with fits that did not converge."""
    return [
        f"H = {horizon}: {count} of {cell.fits} fits of the {learner} did not converge; its values "
        "there are rough"
        for horizon, cell in zip(horizons, cells, strict=True)
        for learner, count in cell.unconverged.items()
        if count
    ]
