"""What the comparison of methods measured: values, gains over the vote, winners, and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.planted.measured import Measured, bootstrapped, resampled_means
from verigap.sim.planted.methods.spending import Spending
from verigap.storage.digests import name_stream

Row = Mapping[str, Any]
REFERENCE = "vote"
"""What gains are measured against."""


@dataclass(frozen=True, kw_only=True)
class MethodPoint:
    """One method in one setting.

    Attributes:
      method: its name.
      side: "vf", "vb", or "base" of what learns nothing.
      verifier: the network that it asks or climbs; "exact" for the true reward; empty for neither.
      value: mean return (tokens of correct trace).
      success: share of the answers that are correct at all.
      gain: mean return less that of the vote.
      spent: in the mean over trainings.
    """

    method: str
    side: str
    verifier: str
    value: Measured
    success: Measured
    gain: Measured
    spent: Spending

    @property
    def label(self) -> str:
        """Method and verifier."""
        return f"{self.method} ({self.verifier})" if self.verifier else self.method


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The method of the largest value among those that a reader may choose from.

    Attributes:
      verifier: the verifier that they may ask; empty for none.
      point: the winner.
      runner_up: label of the next one.
      lead: value of the winner less that of the next one (tokens).
      share_first: share of the bootstrap resamples in which the winner is first as well.
    """

    verifier: str
    point: MethodPoint
    runner_up: str
    lead: Measured
    share_first: float


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A point of a curve, over trainings and prompts.

    Attributes:
      at: N of best-of-N, or the step of a training.
      value: mean return (tokens).
      promised: mean score by the verifier (tokens); NaN without one.
      pass_at_n: chance that one of N traces is correct; None where it was not measured.
    """

    at: float
    value: Measured
    promised: float
    pass_at_n: Measured | None


@dataclass(frozen=True, kw_only=True)
class MethodsSetting:
    """One setting of the comparison, over its trainings.

    Attributes:
      block, family, horizon, data_budget, num_candidates: the setting.
      trainings: independent repetitions.
      prompts: held-out prompts.
      expert: mean return of the demonstrating expert (tokens).
      points: every method.
      verifiers: means over trainings of how each verifier errs, by its name.
      corrections: success of `until-accepted` by the Markov chain of the theory from each prompt's
        error rates, by the verifier's name.
      curves: by kind of curve and what it is of.
      rows: the cells of the run.
    """

    block: str
    family: str
    horizon: int
    data_budget: int
    num_candidates: int
    trainings: int
    prompts: int
    expert: float
    points: tuple[MethodPoint, ...]
    verifiers: Mapping[str, Mapping[str, float]]
    corrections: Mapping[str, float]
    curves: Mapping[tuple[str, str], tuple[CurvePoint, ...]]
    rows: tuple[Row, ...]

    def point(self, method: str, verifier: str = "") -> MethodPoint:
        """One method.

        Raises:
          KeyError: it is not there.
        """
        for point in self.points:
            if (point.method, point.verifier) == (method, verifier):
                return point
        raise KeyError(f"{method} {verifier}".strip())

    @cached_property
    def winners(self) -> tuple[Winner, ...]:
        """The best method without any reward, and the best one with each verifier."""
        names = dict.fromkeys(point.verifier for point in self.points)
        return tuple(self._winner(name) for name in ("", *(name for name in names if name)))

    def _winner(self, verifier: str) -> Winner:
        """Of the methods without a verifier and, but for verifier "", all with this one."""
        allowed = [
            index
            for index, point in enumerate(self.points)
            if point.verifier in ("", verifier) and (verifier or point.side != "vb")
        ]
        stacks = [_values(self.rows, index) for index in allowed]
        order = np.argsort([-stack.mean() for stack in stacks], kind="stable")
        best, second = int(order[0]), int(order[1])
        seed = _seed(self.rows)
        draws = np.stack([resampled_means(stack, seed, prompt_seed=0) for stack in stacks])
        return Winner(
            verifier=verifier,
            point=self.points[allowed[best]],
            runner_up=self.points[allowed[second]].label,
            lead=bootstrapped(stacks[best] - stacks[second], seed),
            share_first=float((draws.argmax(axis=0) == best).mean()),
        )


def is_compared(row: Row) -> bool:
    """Whether a row of a run compares methods on the planted subsequence.

    Example:
      >>> from verigap.sim.planted.methods import is_compared
      >>> is_compared({"game": "planted-methods"}), is_compared({"game": "planted"})
      (True, False)
    """
    return row["game"] == "planted-methods"


def compare_settings(rows: Sequence[Row]) -> tuple[MethodsSetting, ...]:
    """Every setting of a run that compares methods, in order of block, family and H.

    Args:
      rows: cells of the game planted-methods.

    Example:
      >>> from verigap.sim.planted.methods import compare_settings
      >>> from verigap.sim.sweeps import read_rows
      >>> settings = compare_settings(read_rows("docs/runs/zoo-overfit"))
      >>> [(setting.family, setting.trainings, len(setting.points)) for setting in settings]
      [('high', 3, 14), ('low', 3, 14)]
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = (row["block"], row["family"], row["horizon"], row["data_budget"])
        groups.setdefault(key, []).append(row)
    return tuple(_setting(members) for _, members in sorted(groups.items()))


def _seed(rows: Sequence[Row]) -> int:
    return name_stream(min(row["cell"] for row in rows))


def _values(
    rows: Sequence[Row], index: int, field: str = "value"
) -> Float[np.ndarray, "trainings prompts"]:
    return np.asarray([row["methods"][index][field] for row in rows], float)


def _setting(rows: Sequence[Row]) -> MethodsSetting:
    first, seed = rows[0], _seed(rows)
    names = [(entry["method"], entry["verifier"]) for entry in first["methods"]]
    reference = _values(rows, names.index((REFERENCE, "")))
    points = []
    for index, entry in enumerate(first["methods"]):
        value = _values(rows, index)
        points.append(
            MethodPoint(
                method=entry["method"],
                side=entry["side"],
                verifier=entry["verifier"],
                value=bootstrapped(value, seed),
                success=bootstrapped(_values(rows, index, "success"), seed),
                gain=bootstrapped(value - reference, seed),
                spent=_mean_spending([row["methods"][index] for row in rows]),
            )
        )
    return MethodsSetting(
        block=first["block"],
        family=first["family"],
        horizon=first["horizon"],
        data_budget=first["data_budget"],
        num_candidates=first["num_candidates"],
        trainings=len(rows),
        prompts=len(first["expert_value"]),
        expert=float(np.mean(first["expert_value"])),
        points=tuple(points),
        verifiers={
            entry["name"]: _mean_quality([row["verifiers"][index] for row in rows])
            for index, entry in enumerate(first["verifiers"])
        },
        corrections={
            entry["verifier"]: float(
                np.mean([row["corrections"][index]["predicted"] for row in rows])
            )
            for index, entry in enumerate(first["corrections"])
        },
        curves=dict(_curves(rows, seed)),
        rows=tuple(rows),
    )


def _mean_spending(entries: Sequence[Row]) -> Spending:
    names = [field.name for field in fields(Spending)]
    return Spending(**{name: float(np.mean([entry[name] for entry in entries])) for name in names})


def _mean_quality(entries: Sequence[Row]) -> dict[str, float]:
    return {
        name: float(np.mean([entry[name] for entry in entries]))
        for name in entries[0]
        if name != "name"
    }


def _curves(
    rows: Sequence[Row], seed: int
) -> Iterator[tuple[tuple[str, str], tuple[CurvePoint, ...]]]:
    found: dict[tuple[str, str], list[CurvePoint]] = {}
    for index, entry in enumerate(rows[0]["curves"]):
        members = [row["curves"][index] for row in rows]
        passed = np.asarray([member["pass_at_n"] for member in members], float)
        found.setdefault((entry["curve"], entry["of"]), []).append(
            CurvePoint(
                at=entry["at"],
                value=bootstrapped(np.asarray([m["value"] for m in members], float), seed),
                promised=float(np.mean([m["promised"] for m in members])),
                pass_at_n=bootstrapped(passed, seed) if passed.size else None,
            )
        )
    yield from ((key, tuple(points)) for key, points in found.items())
