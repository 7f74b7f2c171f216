"""Per-prompt reward laws of one (dataset, model) at several budgets: what a prediction starts from.

The laws are those of the pools themselves, not corrected for the few samples behind them: the
measurement that a prediction is compared with draws from the very pools, so to it the pool is the
base policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from verigap.llm_validation.arguments import checked_horizons
from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.fitting.lost import UNCHECKED, BiLevel
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.traces import Traces
from verigap.sim.sweeps.law_table import LawTable, read_law_table
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.tables import TableError, load_frame
from verigap.storage.units import LengthUnit
from verigap.theory import RewardLaw


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupLaws:
    """Reward laws of the prompts of one (dataset, model).

    Attributes:
      dataset, model, unit: of the group; lengths and returns count the unit.
      prompt_ids: P.
      samples: typical number of verified samples a prompt (the median).
      laws: by horizon, shape (P, K) each: ascending returns, 0 and H among them.
      longest: longest trace, or None where it is not known.
      warnings: what a reader must know before using the laws.
      bi_level: whether correct traces stay correct; of laws alone nobody knows.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompt_ids: tuple[str, ...]
    samples: int
    laws: Mapping[int, RewardLaw]
    longest: int | None
    warnings: tuple[str, ...] = ()
    bi_level: BiLevel = UNCHECKED

    def of_samples(self, counts: GroupCounts) -> GroupLaws:
        """The same laws, with what a reader must know of the verdicts that they were made from."""
        doubts = (*counts.open_questions, *self.warnings)
        return replace(self, warnings=doubts, bi_level=counts.bi_level)

    @property
    def prompts(self) -> int:
        """P."""
        return len(self.prompt_ids)

    def extrapolated(self, horizon: int) -> bool:
        """Whether a budget is known to be beyond the longest trace."""
        return self.longest is not None and horizon > self.longest


def padded_law(
    returns: Sequence[Sequence[float]], probabilities: Sequence[Sequence[float]], horizon: int
) -> RewardLaw:
    """One law of K atoms from laws of unequal length, filled up with impossible returns of H.

    The number of atoms is a power of two, at least 32, so that few shapes are ever compiled.
    """
    atoms = 1 << max(5, max(len(row) for row in returns).bit_length())
    support = np.full((len(returns), atoms), float(horizon))
    mass = np.zeros((len(returns), atoms))
    for index, (row, chances) in enumerate(zip(returns, probabilities, strict=True)):
        start = int(row[0] > 0)
        support[index, :start] = 0.0
        support[index, start : start + len(row)] = row
        mass[index, start : start + len(row)] = chances
    return RewardLaw.checked(support, mass)


def laws_of_table(
    table: LawTable, longest: Mapping[tuple[str, str], int] | None = None
) -> tuple[GroupLaws, ...]:
    """Every (dataset, model) of a law table.

    Args:
      table: the laws.
      longest: longest trace of each group, where it is known.

    Raises:
      TableError: a group lacks some prompts at one of its budgets.
    """
    groups = []
    for dataset, model in table.groups:
        rows = table.frame.filter((pl.col("dataset") == dataset) & (pl.col("model") == model)).sort(
            "horizon", "prompt_id"
        )
        names = tuple(rows["prompt_id"].unique().sort().to_list())
        laws = {}
        for (horizon,), part in rows.group_by("horizon", maintain_order=True):
            if part.height != len(names):
                raise TableError(
                    f"{table.source}: {part.height} of {len(names)} prompts have a law at horizon "
                    f"{horizon}; make the table again with `verigap laws`"
                )
            laws[int(str(horizon))] = padded_law(
                part["returns"].to_list(), part["probabilities"].to_list(), int(str(horizon))
            )
        samples = int(np.median(rows["samples"].to_numpy()))
        known = (longest or {}).get((dataset, model))
        unit = LengthUnit(rows["unit"][0])
        groups.append(
            GroupLaws(
                dataset=dataset,
                model=model,
                unit=unit,
                prompt_ids=names,
                samples=samples,
                laws=laws,
                longest=known,
            )
        )
    return tuple(groups)


def read_laws(
    path: str | Path, horizons: Sequence[int] | None = None
) -> tuple[GroupLaws, ...] | None:
    """Every group of a law table or of a fit's JSON; None for a file of another kind.

    Args:
      path: a file.
      horizons: keep these budgets only.

    Raises:
      TableError: the file is such a table or fit and cannot be used, or lacks a budget.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        frame = load_frame(path, lambda data: pl.DataFrame({"text": [data.decode()]}), "text")
        try:
            content = json.loads(frame["text"][0])
        except ValueError:
            raise TableError(f"{path}: is not JSON; check the file") from None
        groups = laws_of_fit(content, str(path))
    elif suffix in {".parquet", ".pq"} and _is_law_table(path):
        groups = laws_of_table(read_law_table(path))
    else:
        return None
    if horizons is None:
        return groups
    kept = []
    for group in groups:
        missing = [horizon for horizon in checked_horizons(horizons) if horizon not in group.laws]
        if missing:
            raise TableError(
                f"{path}: no laws at horizon {missing[0]}; there are laws at "
                f"{', '.join(map(str, group.laws))} {group.unit}"
            )
        laws = {horizon: group.laws[horizon] for horizon in sorted(horizons)}
        kept.append(replace(group, laws=laws))
    return tuple(kept)


def _is_law_table(path: str | Path) -> bool:
    try:
        parquet_account(path)
        return {"returns", "probabilities"} <= set(pl.read_parquet_schema(path))
    # Whatever is wrong with the file is said by whoever reads it as a trace table.
    except (OSError, ParquetError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False


def laws_of_traces(traces: Traces, horizons: Sequence[int]) -> tuple[GroupLaws, ...]:
    """Every (dataset, model) of a trace table with a verified sample, at the given budgets.

    Raises:
      TableError: a budget is out of range, or no sample was verified.
    """
    verified = traces.frame.filter(pl.col("correct").is_not_null())
    longest = verified.group_by("dataset", "model").agg(
        pl.max_horizontal(pl.col("n_tokens").max(), pl.col("first_correct").max()).alias("longest")
    )
    known = {
        (dataset, model): int(length)
        for dataset, model, length in longest.iter_rows()
        if length is not None
    }
    return laws_of_table(reward_laws(traces, horizons).table, known)


def laws_of_fit(content: Mapping[str, Any], source: str) -> tuple[GroupLaws, ...]:
    """Every group of the JSON of a fit that lists its prompts.

    It holds the mean and the sd of each prompt's return, not its law. The law is taken to have two
    points, 0 and one other, which is exact where all correct traces of a prompt are correct from
    the same place on.

    Raises:
      TableError: the content is no such fit.
    """
    try:
        groups = tuple(_group_of_fit(group, source) for group in content["groups"])
    except TableError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TableError(
            f"{source}: is no fit; make it with `verigap fit` and `per_prompt`"
        ) from None
    if not groups:
        raise TableError(f"{source}: holds no group")
    return groups


def _group_of_fit(group: Mapping[str, Any], source: str) -> GroupLaws:
    if "per_prompt" not in group:
        raise TableError(
            f"{source}: has no entries for each prompt; make it with `verigap fit` and `per_prompt`"
        )
    prompts = group["per_prompt"]
    returns: dict[int, list[list[float]]] = {}
    chances: dict[int, list[list[float]]] = {}
    for prompt in prompts:
        for budget in prompt["horizons"]:
            horizon = int(budget["horizon"])
            top, share = two_points(
                float(budget["mean_return"]),
                horizon * float(budget["sigma_over_h_naive"]),
                horizon,
            )
            returns.setdefault(horizon, []).append([0.0, top])
            chances.setdefault(horizon, []).append([1.0 - share, share])
    return GroupLaws(
        dataset=str(group["dataset"]),
        model=str(group["model"]),
        unit=LengthUnit(group["unit"]),
        prompt_ids=tuple(str(prompt["prompt_id"]) for prompt in prompts),
        samples=int(np.median([int(prompt["samples"]) for prompt in prompts])),
        laws={
            horizon: padded_law(returns[horizon], chances[horizon], horizon)
            for horizon in sorted(returns)
        },
        longest=None,
        warnings=(
            "from a fit: each prompt's law has its mean and sd and two points; predict from the "
            "traces to use the laws themselves",
        ),
    )


def two_points(mean: float, sd: float, horizon: int) -> tuple[float, float]:
    """Value and probability of the upper point of a law on it and 0 (value 1 where it is 0)."""
    if not (0 <= mean <= horizon and sd >= 0):
        raise ValueError("a mean or sd is out of range")
    if mean == 0:
        return 1.0, 0.0
    top = min(mean + sd**2 / mean, float(horizon))
    return top, min(mean / top, 1.0)


def success(law: RewardLaw) -> Float[np.ndarray, " P"]:
    """Chance that a base trace is correct within the budget."""
    return np.where(np.asarray(law.atoms) > 0, np.asarray(law.probabilities), 0.0).sum(axis=-1)
