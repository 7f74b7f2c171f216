"""Measurements of a run folder of trained networks, whichever kind of network it holds."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from verigap.llm_validation.measuring.finetuned_runs import finetuned_model, is_finetuned
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement, finetuned
from verigap.sim.sweeps.spelling import finetuned_from_version_1
from verigap.storage.completeness import Completeness
from verigap.storage.run_store import RunStore


def measured_run(
    folder: str | Path,
) -> tuple[tuple[GroupMeasurement | FinetunedMeasurement, ...], tuple[str, ...]]:
    """Measurements of every group of a run, and what is doubtful about its folder.

    Raises:
      ValueError: the folder is no run, holds no trained networks, or not the files of its run.
    """
    store = RunStore.read_only(folder)
    cells = store.read_cells()
    warnings = (*store.warnings, *_doubts(store, cells))
    if cells.height and is_finetuned(cells.row(0, named=True)):
        measured = finetuned_model(finetuned_from_version_1(cells).to_dicts())
        return (measured,), warnings
    return finetuned(cells.to_dicts()), warnings


def _doubts(store: RunStore, cells: pl.DataFrame) -> list[str]:
    """What is not known of a run, or is missing from it."""
    expected, manifest = store.expected_cells(), store.manifest
    found = Completeness(
        stored=cells.height,
        expected=None if expected is None else len(expected),
        manifest=manifest is not None,
        adopted=0 if manifest is None else len(manifest.adopted),
    )
    certain = found.complete and found.manifest and not found.adopted
    return [] if certain else [f"{store.path}: {found.in_words}"]
