"""Measurements of a run folder of trained networks, whichever kind of network it holds."""

from __future__ import annotations

from pathlib import Path

from verigap.llm_validation.measuring.finetuned_runs import finetuned_model, is_finetuned
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement, finetuned
from verigap.sim.sweeps.spelling import finetuned_from_version_1
from verigap.storage.run_store import RunStore


def measured_run(
    folder: str | Path,
) -> tuple[tuple[GroupMeasurement | FinetunedMeasurement, ...], tuple[str, ...]]:
    """Measurements of every group of a run, and what was found damaged in its folder.

    Raises:
      ValueError: the folder is no run, or holds no trained networks.
    """
    store = RunStore.read_only(folder)
    cells = store.read_cells()
    if cells.height and is_finetuned(cells.row(0, named=True)):
        measured = finetuned_model(finetuned_from_version_1(cells).to_dicts())
        return (measured,), tuple(store.warnings)
    return finetuned(cells.to_dicts()), tuple(store.warnings)
