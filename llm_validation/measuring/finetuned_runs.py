"""Runs of the recipe as measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from verigap.llm_validation.measuring.measurement import POLICIES, GroupMeasurement
from verigap.llm_validation.pools.leashes import Leash
from verigap.storage.tables import TableError
from verigap.storage.units import LengthUnit

GAME = "fine-tuned language model"
FEATURES = ("hidden states of the base",)
"""Names of the features of a trace that the verifier head sees."""


def is_finetuned(row: Mapping[str, Any]) -> bool:
    """Whether a row of a run folder is one of `verigap finetune`."""
    return row.get("game") == GAME


def finetuned_model(rows: Sequence[Mapping[str, Any]]) -> GroupMeasurement:
    """The measurement of a run of `verigap finetune`, of the n that every seed has finished.

    Raises:
      TableError: no n is finished.
    """
    seeds = max(int(row["seeds"]) for row in rows)
    by_cell = {(int(row["data_budget"]), int(row["repetition"])): row for row in rows}
    data = sorted({n for n, _ in by_cell})
    data = [n for n in data if all((n, index) in by_cell for index in range(seeds))]
    if not data:
        raise TableError("no n of this run is finished; run `verigap finetune` again to continue")
    names = [name for name in POLICIES if name in rows[0]]
    values = {
        name: np.array([[[by_cell[n, index][name] for index in range(seeds)] for n in data]], float)
        for name in names
    }
    row = by_cell[data[0], 0]
    prompts = tuple(row["prompt_ids"])
    warnings = [
        f"n = {n}: the clone's weights on the pools have an effective size of "
        f"{size:.1f} of {row['samples'] / len(prompts):.0f} samples; its leashed value is rough"
        for n in data
        for size in [np.mean([by_cell[n, index]["effective_size"] for index in range(seeds)])]
        if size < 0.25 * row["samples"] / len(prompts)
    ]
    return GroupMeasurement(
        dataset=row["dataset"],
        model=row["model"],
        unit=LengthUnit.TOKENS,
        prompt_ids=prompts,
        samples=int(row["samples"]),
        unverified=int(row["unverified"]),
        mixed=int(row["mixed"]),
        expert_share=float(row["expert_share"]),
        horizons=(int(row["horizon"]),),
        data_budgets=tuple(data),
        num_candidates=int(row["num_candidates"]),
        leash=Leash("chi2", float(row["chi2_radius"])),
        extrapolated=(False,),
        values=values,
        warnings=tuple(warnings),
        features=FEATURES,
        learned_by="fine-tuning",
    )
