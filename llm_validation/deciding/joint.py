"""Joint bootstrap of the means of several arms over the same prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from verigap.llm_validation.intervals import (
    LEVEL,
    Resampler,
    Statistic,
    student_spread,
    unseen_prompt_interval,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class JointMeans:
    """Means of arms over prompts, and B joint draws of them.

    Attributes:
      means: by arm.
      draws: by arm, shape (B,): the prompts of a draw are the same for all arms. Draws of few
        prompts are spread out as Student's law is wider than the normal one.
      most: the largest value an arm can have: 1 for accuracy, H for returns.
      ends: by arm, the 95 % interval of its mean by Gaffke's bound, as `intervals.mean_interval`
        gives it; of an arm that learns, each replicate is moved as its draws are. NaN for a single
        prompt.
      prompts: P.
      highest: the arm that no other exceeds on any prompt, seen or not; None where there is none.
      unseen: joint draws of the share of prompts that are like none of the P: exponential, 1/P on
        average, as in the Bayesian bootstrap with one prompt more.
    """

    means: dict[str, float]
    draws: dict[str, Float[np.ndarray, " B"]]
    most: float
    ends: dict[str, tuple[float, float]]
    prompts: int
    unseen: Float[np.ndarray, " B"]
    highest: str | None = None

    @classmethod
    def of(
        cls,
        values: Mapping[str, Float[np.ndarray, " P"]],
        *,
        shifts: Mapping[str, Float[np.ndarray, " pairs"]] | None = None,
        most: float,
        seed: int,
        highest: str | None = None,
    ) -> JointMeans:
        """Means and draws of the values of every arm on every prompt.

        Args:
          values: by arm, prompts in the same order.
          shifts: of the arms that learn, how much their means move with the training prompts; see
            `HeldOut`. The draws move along them as Student's law with as many degrees of freedom.
          most: the largest value there can be.
          seed: seed of the draws.
          highest: the arm that no other exceeds on any prompt, seen or not; see `difference`. Draws
            of arms that learn do not exceed its own.

        Example:
          >>> import numpy as np
          >>> from verigap.llm_validation.deciding.joint import JointMeans
          >>> values = {"single": np.array([0.5, 0.5, 0.0]), "exact": np.array([1.0, 0.5, 0.0])}
          >>> joint = JointMeans.of(values, most=1.0, seed=0, highest="exact")
          >>> joint.difference("exact", "single").low
          0.0
        """
        # Arms that give the same sample must not differ by rounding.
        table = np.round(np.stack(list(values.values()), axis=1) / most, 12) * most
        prompts = len(table)
        mean = table.mean(axis=0)
        resampler = Resampler(prompts, seed)
        drawn = student_spread(prompts) * (resampler.weights @ (table - mean))
        moved = np.zeros(drawn.shape)
        if shifts:
            pairs = len(next(iter(shifts.values())))
            axes = np.stack([shifts.get(arm, np.zeros(pairs)) for arm in values], axis=1)
            rng = np.random.default_rng([seed, 19])
            normal = rng.normal(size=(len(drawn), pairs))
            spread = np.sqrt(pairs / rng.chisquare(pairs, (len(drawn), 1)))
            moved = spread * (normal @ axes) / pairs**0.5
        drawn = np.round((mean + drawn + moved) / most, 12) * most
        if highest is not None and shifts:
            # However it is trained, an arm that learns earns no more than the highest.
            top = drawn[:, list(values).index(highest)][:, None]
            learns = np.array([arm in shifts for arm in values])
            drawn = np.where(learns, np.minimum(drawn, top), drawn)
        mean = np.round(mean / most, 12) * most
        return cls(
            means=dict(zip(values, mean.tolist(), strict=True)),
            draws=dict(zip(values, drawn.T, strict=True)),
            most=most,
            ends=dict(zip(values, _bounded(table, mean, moved, resampler, most), strict=True)),
            prompts=prompts,
            unseen=np.random.default_rng([seed, 23]).exponential(1 / prompts, len(drawn)),
            highest=highest,
        )

    def value(self, arm: str) -> Statistic:
        """The mean of an arm with its 95 % interval, within what is possible."""
        return Statistic(self.means[arm], *self.ends[arm])

    def difference(self, arm: str, other: str) -> Statistic:
        """The paired difference of two arms with its 95 % interval, within what is possible.

        On each prompt it is at most the largest value, and not below 0 for the highest arm.
        """
        low, high = _ends(self.draws[arm] - self.draws[other])
        estimate = self.means[arm] - self.means[other]
        least = 0.0 if arm == self.highest else -self.most
        largest = 0.0 if other == self.highest else self.most
        # Votes are averages over random sets of N, and may exceed the highest arm by that noise.
        least, largest = min(least, estimate), max(largest, estimate)
        # In this order a NaN stays one.
        return Statistic(estimate, max(low, least), min(high, largest))

    def differences_together(self, arms: Sequence[str], other: str) -> dict[str, Statistic]:
        """Paired differences of several arms to one, with intervals that hold together at 95 %.

        All reach as many standard deviations of their own draws to either side: the 95 % quantile
        of the largest standardised difference between a draw and the mean (single-step max-t), at
        the level of which few prompts take the quantile of Student's law for the normal one. So
        the arm of the largest difference may be picked by looking. NaN where draws do not differ.

        Args:
          arms: those that are compared.
          other: the arm that they are compared with.

        Source: Westfall and Young 1993, Resampling-Based Multiple Testing.

        Example:
          >>> import numpy as np
          >>> from verigap.llm_validation.deciding.joint import JointMeans
          >>> values = dict(enumerate(np.random.default_rng(0).random((9, 100))))
          >>> joint = JointMeans.of({str(k): v for k, v in values.items()}, most=1.0, seed=0)
          >>> one, all_ = (joint.differences_together(k, "0")["1"] for k in ("1", "12345678"))
          >>> round(one.high - one.low, 2), round(all_.high - all_.low, 2)
          (0.15, 0.2)
        """
        estimates = {arm: self.means[arm] - self.means[other] for arm in arms}
        found = {arm: Statistic(value, np.nan, np.nan) for arm, value in estimates.items()}
        centred = {arm: self.draws[arm] - self.draws[other] - estimates[arm] for arm in arms}
        spread = {arm: float(each.std()) for arm, each in centred.items() if np.ptp(each) > 1e-12}
        if not spread:
            return found
        largest = np.max([np.abs(centred[arm]) / sd for arm, sd in spread.items()], axis=0)
        reach = _of_student(float(np.quantile(largest, LEVEL)), self.prompts)
        for arm, sd in spread.items():
            low, high = estimates[arm] - reach * sd, estimates[arm] + reach * sd
            found[arm] = Statistic(estimates[arm], max(low, -self.most), min(high, self.most))
        return found


def _of_student(reach: float, prompts: int) -> float:
    """Standard deviations of draws that are spread out at 95 %, for a normal quantile beyond it."""
    if prompts < 2:
        return reach
    beyond, usual = float(special.ndtr(-reach)), (1 + LEVEL) / 2
    wider = special.stdtrit(prompts - 1, beyond) / special.ndtri(beyond)
    return reach * float(wider * special.ndtri(usual) / special.stdtrit(prompts - 1, usual))


def _bounded(
    table: Float[np.ndarray, "P F"],
    mean: Float[np.ndarray, " F"],
    moved: Float[np.ndarray, "B F"],
    resampler: Resampler,
    most: float,
) -> list[tuple[float, float]]:
    """Ends of the intervals of means of values in [0, most]; see `JointMeans.ends`."""
    if resampler.prompts < 2:
        return [(float("nan"), float("nan"))] * table.shape[1]
    replicates = np.clip(resampler.uniform_means(table) + moved, 0.0, most)
    found = unseen_prompt_interval(replicates, resampler, most)
    low, high = np.minimum(found.low, mean), np.maximum(found.high, mean)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _ends(draws: Float[np.ndarray, " B"]) -> tuple[float, float]:
    """Ends of the central 95 % of the draws; NaN where nothing was seen to differ."""
    if np.ptp(draws) <= 1e-12 * max(np.abs(draws).max(), 1e-300):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
