"""What trained networks measured: values, gaps and exponents of a planted-subsequence run.

No bound of the registry speaks of them, as a transformer's class has no known size: the gap is
measured, with bootstrap intervals over independent trainings and held-out prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.storage.digests import name_stream

Row = Mapping[str, Any]

RESAMPLES = 2000
LEAST_CORRELATION = 0.1
"""Of a verifier's predicted with the true return; below it the verifier is under-trained."""

MOST_BASE_KL = 0.5
"""Nats a trace between the pre-trained base and its oracle; above it the base is under-trained."""


@dataclass(frozen=True)
class Measured:
    """A mean over trainings and prompts with its 95 % bootstrap interval (tokens)."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """One setting of a run, over its trainings.

    Attributes:
      block, series, family, horizon, data_budget: the setting.
      trainings: independent repetitions.
      sd_share: median over prompts of the base's sd_x / H, by the oracle.
      expert, base: values of the demonstrating expert and of the pre-trained base (tokens).
      oracle_base: exact value of the policy that the base was trained to be (tokens).
      values: unleashed value of every learner (tokens).
      leashed: the same within the chi-square leash.
      cloning_suboptimality: J(expert) - J(cloning), unleashed (tokens).
      gap: verifier-based (the chi-square tilt by its verifier) minus cloning, both leashed.
      gap_unleashed: best-of-N minus cloning.
      predicted: the verifier's mean predicted return of every learner's answers (tokens); far above
        the value it would be reward hacking.
      kl: of every learner's policy from the base, nats a trace.
      training_flops, training_tokens: what training it took; the verifier's counts for those that
        use it.
      trace_tokens: sampled for one answer.
      coverage: least share of the base whose best traces average the expert's value (alpha).
      verifier_correlation: of predicted and true returns, median over trainings.
      verifier_accuracy: share of prefixes that the verifier judges rightly, median.
      majority_accuracy: that of always saying the more frequent reward, median.
      base_kl: nats a trace from the oracle's base to the trained one, median.
    """

    block: str
    series: str
    family: str
    horizon: int
    data_budget: int
    trainings: int
    sd_share: float
    expert: float
    base: float
    oracle_base: float
    values: dict[str, Measured]
    leashed: dict[str, Measured]
    cloning_suboptimality: Measured
    gap: Measured
    gap_unleashed: Measured
    predicted: dict[str, float]
    kl: dict[str, float]
    training_flops: dict[str, float]
    training_tokens: dict[str, float]
    trace_tokens: dict[str, float]
    coverage: float
    verifier_correlation: float
    verifier_accuracy: float
    majority_accuracy: float
    base_kl: float

    @property
    def under_training(self) -> str:
        """Why nothing may be concluded from this point; empty if nothing speaks against it."""
        if not self.verifier_correlation >= LEAST_CORRELATION:
            return f"verifier under-trained (correlation {self.verifier_correlation:.2f})"
        if not self.base_kl <= MOST_BASE_KL:
            return f"base under-trained ({self.base_kl:.2f} nats a trace off its oracle)"
        return ""


@dataclass(frozen=True)
class TrainedExponent:
    """Log-log slope of a gap along one series.

    Attributes:
      series: block and family.
      quantity: "gap" or "gap, unleashed".
      against: "H" (at n proportional to H) or "n" (at fixed H).
      points: settings used.
      slope, low, high: the fit and its 95 % bootstrap interval; NaN where the gap is not positive
        at every point, or in more than one resample of twenty.
    """

    series: str
    quantity: str
    against: str
    points: int
    slope: float
    low: float
    high: float


@dataclass(frozen=True)
class TrainedReport:
    """What a run of trained networks measured.

    Attributes:
      points: every setting.
      exponents: of the series that ask for one.
    """

    points: tuple[Point, ...]
    exponents: tuple[TrainedExponent, ...]


def check_trained(rows: Sequence[Row]) -> TrainedReport:
    """Values, gaps and exponents of the rows of trained cells.

    Example:
      >>> from verigap.sim.checks import check_trained
      >>> from verigap.sim.sweeps import read_rows
      >>> report = check_trained(read_rows("docs/runs/planted-small"))
      >>> sorted({point.family for point in report.points})
      ['high', 'low']
    """
    return TrainedReport(tuple(points(rows)), tuple(trained_exponents(rows)))


def is_trained(row: Row) -> bool:
    """Whether a row of a run comes from trained networks.

    Example:
      >>> from verigap.sim.checks import is_trained
      >>> is_trained({"game": "planted"}), is_trained({"game": "relabelling"})
      (True, False)
    """
    return row["game"] == "planted"


def _policy(row: Row, learner: str) -> Mapping[str, Any]:
    return next(entry for entry in row["policies"] if entry["learner"] == learner)


def _difference(first: str, second: str, field: str) -> Callable[[Row], np.ndarray]:
    def of(row: Row) -> np.ndarray:
        better, worse = _policy(row, first)[field], _policy(row, second)[field]
        return np.asarray(better, float) - np.asarray(worse, float)

    return of


def _cloning_suboptimality(row: Row) -> np.ndarray:
    cloned = np.asarray(_policy(row, CLONING)["value"], float)
    return np.asarray(row["expert_value"], float) - cloned


GAPS: dict[str, Callable[[Row], np.ndarray]] = {
    "gap": _difference(SELECTION, CLONING, "leashed"),
    "gap, unleashed": _difference(SELECTION, CLONING, "value"),
}


def resampled_means(
    values: Float[np.ndarray, "trainings prompts"], seed: int, prompt_seed: int
) -> Float[np.ndarray, " resamples"]:
    """Means over trainings and prompts, both drawn with replacement.

    Prompts are drawn by `prompt_seed`, so that settings that share their prompts move together.
    """
    trainings, prompts = values.shape
    drawn = np.random.default_rng(prompt_seed).multinomial(
        prompts, np.full(prompts, 1 / prompts), size=RESAMPLES
    )
    runs = np.random.default_rng(seed).multinomial(
        trainings, np.full(trainings, 1 / trainings), size=RESAMPLES
    )
    return np.einsum("rt,tp,rp->r", runs / trainings, values, drawn / prompts)


def bootstrapped(values: Float[np.ndarray, "trainings prompts"], seed: int) -> Measured:
    """The mean over trainings and prompts with its interval."""
    means = resampled_means(values, seed, prompt_seed=0)
    low, high = np.quantile(means, [0.025, 0.975])
    return Measured(float(values.mean()), float(low), float(high))


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str, str, int, int], list[Row]]:
    groups: dict[tuple[str, str, str, int, int], list[Row]] = {}
    for row in rows:
        key = (row["block"], row["series"], row["family"], row["horizon"], row["data_budget"])
        groups.setdefault(key, []).append(row)
    return dict(sorted(groups.items()))


def _stack(rows: Sequence[Row], of: Callable[[Row], np.ndarray]) -> np.ndarray:
    return np.stack([np.asarray(of(row), float) for row in rows])


def points(rows: Sequence[Row]) -> list[Point]:
    """Every setting of a run of trained networks, in order of block, family, H and n."""
    found = []
    for (block, series, family, horizon, n), members in _groups(rows).items():
        seed = _seed(members)
        names = [entry["learner"] for entry in members[0]["policies"]]

        def measure(of: Callable[[Row], np.ndarray], members=members, seed=seed) -> Measured:
            return bootstrapped(_stack(members, of), seed)

        def average(field: str, members=members, names=names) -> dict[str, float]:
            return {
                name: float(np.mean([_policy(row, name)[field] for row in members]))
                for name in names
            }

        def median(field: str, members=members) -> float:
            return float(np.median([row["verifier"][field] for row in members]))

        found.append(
            Point(
                block, series, family, horizon, n, len(members),
                sd_share=float(np.median(members[0]["oracle_sd"]) / horizon),
                expert=float(np.mean(members[0]["expert_value"])),
                base=float(np.mean([row["base_value"] for row in members])),
                oracle_base=float(np.mean(members[0]["oracle_value"])),
                values={
                    name: measure(lambda row, name=name: _policy(row, name)["value"])
                    for name in names
                },
                leashed={
                    name: measure(lambda row, name=name: _policy(row, name)["leashed"])
                    for name in names
                },
                cloning_suboptimality=measure(_cloning_suboptimality),
                gap=measure(GAPS["gap"]),
                gap_unleashed=measure(GAPS["gap, unleashed"]),
                **{
                    field: average(field)
                    for field in (
                        "predicted", "kl", "training_flops", "training_tokens", "trace_tokens",
                    )
                },
                coverage=float(np.min(members[0]["coverage"])),
                verifier_correlation=median("correlation"),
                verifier_accuracy=median("accuracy"),
                majority_accuracy=median("majority"),
                base_kl=float(np.median([row["base_kl"] for row in members])),
            )
        )  # fmt: skip
    return found


def _seed(members: Sequence[Row]) -> int:
    return name_stream(min(row["cell"] for row in members))


def trained_exponents(rows: Sequence[Row]) -> list[TrainedExponent]:
    """Exponents of every series whose block asks for one: in H, or in n where H does not vary."""
    series: dict[tuple[str, str, str], list[tuple[int, int, list[Row]]]] = {}
    for (block, name, family, horizon, n), members in _groups(rows).items():
        if members[0]["exponent"]:
            series.setdefault((block, name, family), []).append((horizon, n, members))
    found = []
    for (block, _, family), settings in sorted(series.items()):
        horizons = np.asarray([horizon for horizon, _, _ in settings], float)
        budgets = np.asarray([n for _, n, _ in settings], float)
        against = "H" if np.unique(horizons).size > 1 else "n"
        x = np.log(horizons if against == "H" else budgets)
        if np.unique(x).size < 3:
            continue
        for quantity, of in GAPS.items():
            stacks = [_stack(members, of) for _, _, members in settings]
            means = np.asarray([stack.mean() for stack in stacks])
            draws = np.stack(
                [
                    resampled_means(stack, _seed(members), prompt_seed=0)
                    for stack, (_, _, members) in zip(stacks, settings, strict=True)
                ],
                axis=1,
            )
            slope, low, high = _slopes(x, means, draws)
            found.append(
                TrainedExponent(
                    f"{block} {family}", quantity, against, len(settings), slope, low, high
                )
            )
    return found


def _slopes(x: np.ndarray, means: np.ndarray, draws: np.ndarray) -> tuple[float, float, float]:
    """Least-squares slope of ln mean, and its percentile interval over resamples."""
    usable = (draws > 0).all(axis=1)
    if (means <= 0).any() or usable.mean() < 0.95:
        return float("nan"), float("nan"), float("nan")
    centred = x - x.mean()
    weight = centred / np.sum(centred**2)
    low, high = np.quantile(np.log(draws[usable]) @ weight, [0.025, 0.975])
    return float(np.log(means) @ weight), float(low), float(high)
