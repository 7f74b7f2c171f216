"""Measurements of a run folder of trained networks, whichever kind of network it holds."""

from __future__ import annotations

from pathlib import Path

from verigap.llm_validation.measuring.finetuned_runs import finetuned_model, is_finetuned
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement, finetuned
from verigap.storage.run_store import RunStore


def measured_run(
    folder: str | Path,
) -> tuple[tuple[GroupMeasurement | FinetunedMeasurement, ...], tuple[str, ...]]:
    """Measurements of every group of a run, and what was found damaged in its folder.

    Raises:
      ValueError: the folder is no run, or holds no trained networks.
    """
    store = RunStore.read_only(folder)
    rows = store.read_cells().to_dicts()
    llm = bool(rows) and is_finetuned(rows[0])
    found = (finetuned_model(rows),) if llm else finetuned(rows)
    return found, tuple(store.warnings)
