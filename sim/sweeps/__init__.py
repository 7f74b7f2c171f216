"""Sweeps: configurations, cells, batches and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.sweeps.cells import LoadedSweep, load_sweep, sweep_from
    from verigap.sim.sweeps.config import ConfigError, Sweep
    from verigap.sim.sweeps.frame import cells_by_learners
    from verigap.sim.sweeps.law_table import LawTable, read_law_table, write_law_table
    from verigap.sim.sweeps.repeating import Rerun, rerun
    from verigap.sim.sweeps.run import MemoryRun, Outcome, run_in_memory, run_sweep
    from verigap.sim.sweeps.stored import read_rows

__all__ = [
    "ConfigError",
    "LawTable",
    "LoadedSweep",
    "MemoryRun",
    "Outcome",
    "Rerun",
    "Sweep",
    "cells_by_learners",
    "load_sweep",
    "read_law_table",
    "read_rows",
    "rerun",
    "run_in_memory",
    "run_sweep",
    "sweep_from",
    "write_law_table",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.sweeps.cells": ("LoadedSweep", "load_sweep", "sweep_from"),
        "verigap.sim.sweeps.config": ("ConfigError", "Sweep"),
        "verigap.sim.sweeps.frame": ("cells_by_learners",),
        "verigap.sim.sweeps.law_table": (
            "LawTable",
            "read_law_table",
            "write_law_table",
        ),
        "verigap.sim.sweeps.repeating": ("Rerun", "rerun"),
        "verigap.sim.sweeps.run": (
            "MemoryRun",
            "Outcome",
            "run_in_memory",
            "run_sweep",
        ),
        "verigap.sim.sweeps.stored": ("read_rows",),
    },
)
