"""A sweep of a few seconds, and what its runs are compared by."""

from __future__ import annotations

import json
import subprocess
from functools import cached_property
from pathlib import Path

from tests.cli.command import Command, stored_rows, succeeded
from tests_ray.children import Children

# Eight batches: the two-level game is two programs, each cell of hard prompts a batch of its own.
CONFIG = """
seed: 7
replicates: 20
learners: [vf-mle, vb-plug-in]
sweeps:
  - name: two-level
    law: {family: two-level}
    expert: hardest
    log2_class_size: 20
    grid: {horizon: [16, 64], data_budget: [8, 32]}
  - name: quantised
    law: {family: returns, returns: [[0, 0, 1], [0, 0.5, 1]]}
    horizon: 16
    data_budget: 8
    log2_class_size: 4
  - name: hard-prompts
    game: hard-prompts
    horizon: 16
    c0: 0.5
    log2_class_size: 4
    grid: {data_budget: [80, 800, 1600, 3200, 6400, 12800]}
"""
CELLS = 11

# What the tests set in their own process is not for the command.
verigap = Command({"XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false"})


class Sweeping(Children):
    """The sweep.

    Args:
      config: its configuration.
      local: where its run by the local engine goes.
    """

    def __init__(self, config: Path, local: Path) -> None:
        super().__init__()
        self.config = config
        self._local = local

    @cached_property
    def expected(self) -> dict[str, str]:
        """The cells that the local engine computes."""
        succeeded(verigap("sweep", self.config, "--out", self._local))
        return cells(self._local)

    def start(self, run: Path, *options: object) -> subprocess.Popen[str]:
        """Start a run by Ray."""
        return self.kept(
            verigap.start("sweep", self.config, "--out", run, "--engine", "ray", *options)
        )

    def ended(self, child: subprocess.Popen[str]) -> str:
        """What a run that is to succeed prints, once it has ended."""
        stdout, stderr = child.communicate(timeout=300)
        assert child.returncode == 0, stderr
        return stdout


def cells(run: Path) -> dict[str, str]:
    """Every digit of every stored cell, by its name."""
    # Columns come in the order of the bundle that is read first.
    return {row["cell"]: json.dumps(row, sort_keys=True) for row in stored_rows(run)}
