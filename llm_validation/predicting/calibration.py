"""What a small slice of a measurement can fix: the effective class size.

The slice holds the smaller half of the budgets and of the n, rounded up; everything larger stays
unseen until the prediction is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting.draws import Draws, statistic
from verigap.llm_validation.predicting.group_laws import GroupLaws
from verigap.llm_validation.predicting.relabelling import cloning_shares

SIZES = tuple(float(size) for size in np.geomspace(0.25, 200.0, 70))
"""Effective log2 class sizes that are tried, bits."""

MEASURED_AS = {
    "vf-mle": "clone_leashed",
    "vb-version-space": "verify_leashed",
    "vb-best-of-n": "verify",
}
"""The measured policy that each predicted learner is held to."""

_GUESS = 20.0


def smaller_half(values: Sequence[int]) -> tuple[int, ...]:
    """The smaller half of ascending numbers, rounded up."""
    return tuple(values[: (len(values) + 1) // 2])


def held_out_cells(
    horizons: Sequence[int], data_budgets: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """The (H, n) outside of the calibration slice.

    Args:
      horizons: budgets H, ascending.
      data_budgets: n, ascending.

    Example:
      >>> held_out_cells([32, 64], [16, 64])
      ((32, 64), (64, 16), (64, 64))
    """
    seen = {(h, n) for h in smaller_half(horizons) for n in smaller_half(data_budgets)}
    return tuple((h, n) for h in horizons for n in data_budgets if (h, n) not in seen)


def calibration_slice(measured: GroupMeasurement) -> GroupMeasurement:
    """The measurement without its larger budgets and n."""
    horizons, data = smaller_half(measured.horizons), smaller_half(measured.data_budgets)
    return replace(
        measured,
        horizons=horizons,
        data_budgets=data,
        extrapolated=measured.extrapolated[: len(horizons)],
        values={
            name: values[: len(horizons), : len(data)] for name, values in measured.values.items()
        },
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """Bootstrap replicates of a measured slice, what was measured in row 0 (tokens).

    Attributes:
      horizons, data_budgets: H and n of the slice.
      leash: of the expert and of the leashed policies.
      means: mean value of every policy, shape (B + 1, horizons, data_budgets); NaN if unknown.
    """

    horizons: tuple[int, ...]
    data_budgets: tuple[int, ...]
    leash: Leash
    means: dict[str, Float[np.ndarray, "B horizons data_budgets"]]

    @classmethod
    def of(
        cls, measured: GroupMeasurement, prompt_ids: Sequence[str], resampler: Resampler
    ) -> Slice:
        """Replicates over seeds and prompts.

        Args:
          measured: the slice.
          prompt_ids: that the resampler draws; if they are those that were measured, replicates of
            the slice and of what else the resampler draws hold the same prompts.
          resampler: of the prompts.
        """
        counts = resampler.weights * resampler.prompts
        joint = counts if tuple(prompt_ids) == measured.prompt_ids else None
        drawn = measured.draws(len(counts), resampler.seed, joint)
        return cls(
            horizons=measured.horizons,
            data_budgets=measured.data_budgets,
            leash=measured.leash,
            means={
                name: np.concatenate([mean[None], drawn[name]])
                for name, mean in measured.means().items()
            },
        )


def prediction_errors(
    predicted: Draws,
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    measured: Slice,
    learner: str,
) -> Iterator[tuple[int, int, Float[np.ndarray, " rows"]]]:
    """Measured less predicted suboptimality, in the cells that slice and prediction share.

    Args:
      predicted: replicates of the same prompts as those of the slice.
      horizons: H of the prediction.
      data_budgets: n of the prediction.
      measured: the slice.
      learner: a key of `MEASURED_AS`.

    Yields:
      The place of H in `horizons`, that of n in `data_budgets`, and the error in every row of the
      draws (tokens), NaN where the slice does not know it.
    """
    shortfall = measured.means["expert"] - measured.means[MEASURED_AS[learner]]
    for at, horizon in enumerate(measured.horizons):
        for column, n in enumerate(measured.data_budgets):
            if horizon in horizons and n in data_budgets:
                cell = horizons.index(horizon), data_budgets.index(n)
                guess = predicted.suboptimality[learner][:, *cell]
                yield *cell, shortfall[: len(guess), at, column] - guess


@dataclass(frozen=True, eq=False)
class ClassSize:
    """The d (bits) whose cloning falls short of the expert as the measured clone does.

    Attributes:
      estimate: on the slice itself.
      draws: of its replicates, shape (B,), or None where there is nothing to calibrate on.
      doubt: a warning where the slice does not fix d, "" where it does.
    """

    estimate: float
    draws: Float[np.ndarray, " B"] | None
    doubt: str

    @property
    def statistic(self) -> Statistic:
        """The estimate with its 95 % interval, NaN where there is none."""
        return statistic(np.append(self.estimate, [] if self.draws is None else self.draws))


def effective_class_size(group: GroupLaws, measured: Slice, seed: int = 0) -> ClassSize:
    """Least squares over the cells of the slice of the suboptimality as a share of H.

    Cloning is within the leash. The game's shares are those of all prompts in every replicate, as
    the clones that are measured anew were not trained anew.
    """
    misfit, informative = np.zeros((len(measured.means["base"]), len(SIZES))), False
    for row, horizon in enumerate(measured.horizons):
        if horizon not in group.laws:
            continue
        for column, n in enumerate(measured.data_budgets):
            base, expert, clone = (
                measured.means[name][:, row, column] / horizon
                for name in ("base", "expert", "clone_leashed")
            )
            if not (expert[0] - base[0] > 1e-9 and np.isfinite(clone).all()):
                continue
            shares = cloning_shares(group.laws[horizon], measured.leash, n, SIZES, seed)
            predicted = np.outer(expert - base, 1.0 - shares)
            misfit += (predicted - (expert - clone)[:, None]) ** 2
            informative = True
    if not informative:
        return ClassSize(
            _GUESS, None, f"nothing to calibrate the class size on: d = {_GUESS:g} bits is a guess"
        )
    # Of sizes that fit alike the smallest: what is larger predicts the same there.
    least = np.maximum(misfit.min(axis=1, keepdims=True), 1e-12)
    sizes = np.asarray(SIZES)[np.argmin(np.round(misfit / least, 3), axis=1)]
    size, doubt = float(sizes[0]), ""
    if size in (SIZES[0], SIZES[-1]):
        doubt = (
            f"no class size makes the game's clone as the measured one: d = {size:g} bits is the "
            "end of the range"
        )
    return ClassSize(size, sizes[1:], doubt)
