"""Run folders from the command line: continued, interrupted, in use, damaged."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from filelock import FileLock

import verigap as vg
from tests.cli.command import (
    TIMEOUT,
    Command,
    InProcess,
    assert_refused,
    stored_files,
    stored_rows,
    succeeded,
)

INTERRUPTED = "verigap: interrupted; the same command continues where it stopped"


# Five programs: that of the two-level game, then one for each cell of hard prompts, which compile
# in little time, but in some time.
CONFIG = """
seed: 7
replicates: 20
learners: [vf-mle, vb-plug-in]
sweeps:
  - name: two-level
    law: {family: two-level}
    log2_class_size: 20
    grid: {horizon: [16, 64], data_budget: [8, 32]}
  - name: hard-prompts
    game: hard-prompts
    horizon: 16
    c0: 0.5
    log2_class_size: 4
    grid: {data_budget: [80, 800, 1600, 3200]}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def whole(verigap: Command, config: Path) -> Path:
    """Its run folder, swept in one go. To be read only."""
    run = config.with_name("whole")
    done = succeeded(verigap("sweep", config, "--out", run))
    assert done.stdout == f"{run}: 8 of 8 cells done\n"
    return run


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy to work on."""
    return shutil.copytree(whole, tmp_path / "run")


def exactly(rows: list[dict[str, Any]]) -> str:
    """Every digit, and NaN equal to itself."""
    return json.dumps(rows)


def test_a_finished_sweep_computes_nothing(verigap: Command, config: Path, run: Path) -> None:
    before = stored_files(run)
    done = succeeded(verigap("sweep", config, "--out", run))
    assert done.stdout == f"{run}: 8 of 8 cells done (8 from before)\n"
    assert stored_files(run) == before
    assert "resumed" not in json.loads((run / "provenance.json").read_text())


class Interruption(NamedTuple):
    run: Path
    code: int
    stderr: str
    stored: dict[str, tuple[int, bytes]]


@pytest.fixture(scope="module")
def interruption(
    verigap: Command, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Interruption:
    """A sweep stopped by Ctrl-C as soon as its first batch is stored."""
    run = tmp_path_factory.mktemp("interrupted") / "run"
    # Nothing compiled is at hand, so that the other batches take the seconds that compiling takes.
    env = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    child = verigap.start("sweep", config, "--out", run, env=env)
    give_up = time.monotonic() + TIMEOUT
    while not list(run.glob("cells/*.parquet")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=TIMEOUT)
    return Interruption(run, child.returncode, stderr, stored_files(run))


def test_an_interruption_says_how_to_go_on(interruption: Interruption) -> None:
    assert interruption.code == 130
    assert "Traceback" not in interruption.stderr
    assert interruption.stderr.splitlines()[-1] == INTERRUPTED
    assert 4 <= len(stored_rows(interruption.run)) < 8


def test_an_interrupted_sweep_ends_as_if_it_had_not_been(
    verigap: Command, config: Path, whole: Path, interruption: Interruption, tmp_path: Path
) -> None:
    run = shutil.copytree(interruption.run, tmp_path / "run")
    done = succeeded(verigap("sweep", config, "--out", run, "--json"))
    before = len(stored_rows(interruption.run))
    assert json.loads(done.stdout) == {"run": str(run), "cells": 8, "resumed": before, "failed": 0}
    assert done.stderr == ""
    assert stored_files(run).items() > interruption.stored.items()
    assert exactly(stored_rows(run)) == exactly(stored_rows(whole))
    assert len(json.loads((run / "provenance.json").read_text())["resumed"]) == 1


def test_another_configuration_is_refused(verigap: Command, config: Path, run: Path) -> None:
    before = stored_files(run)
    other = config.with_name("other.yaml")
    other.write_text(config.read_text().replace("seed: 7", "seed: 8"))
    done = verigap("sweep", other, "--out", run)
    assert done.returncode == 2
    assert done.stdout == ""
    head, *difference = done.stderr.splitlines()
    assert head.startswith(f"verigap: {run}: holds a run of another configuration; ")
    assert "-seed: 7" in difference
    assert "+seed: 8" in difference
    assert not [line for line in difference if "sweeps" in line]
    assert stored_files(run) == before


def test_a_run_in_use_is_refused(verigap: Command, config: Path, run: Path) -> None:
    before = stored_files(run)
    with FileLock(run / "lock"):
        done = verigap("sweep", config, "--out", run)
    assert_refused(done, f"{run}: in use by ")
    assert stored_files(run) == before


def test_a_damaged_batch_is_computed_again(
    verigap: Command, config: Path, whole: Path, run: Path
) -> None:
    damaged = sorted(run.glob("cells/*.parquet"))[0]
    lost = pl.read_parquet(damaged).height
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged.write_bytes(data)
    before = stored_files(run)

    assert_refused(verigap("check", run, "--json"), f"cells/{damaged.name} fails its checksum")
    assert stored_files(run) == before  # looking changes nothing

    warning = f"verigap: warning: cells/{damaged.name} fails its checksum; its cells run again"
    done = succeeded(verigap("sweep", config, "--out", run, "--json"))
    assert done.stderr == f"{warning} (kept as {damaged.name}.corrupt)\n"
    assert json.loads(done.stdout)["resumed"] == 8 - lost
    assert exactly(stored_rows(run)) == exactly(stored_rows(whole))
    assert damaged.with_name(f"{damaged.name}.corrupt").read_bytes() == bytes(data)


def test_what_is_missing_is_told_and_has_to_be_allowed(
    in_process: InProcess, interruption: Interruption
) -> None:
    run, stored = interruption.run, len(stored_rows(interruption.run))
    done = in_process("check", run)
    assert done.returncode == 1
    told, incomplete, verdict = done.stdout.splitlines()[-3:]
    assert told == f"of the run: {stored} of 8 cells; {8 - stored} are missing"
    assert incomplete == "the run is incomplete; --partial allows that"
    assert verdict == f"every bound holds in the {stored} cells that are there"
    done = succeeded(in_process("check", run, "--partial"))
    assert told in done.stdout
    assert "the run is incomplete; that is allowed by --partial" in done.stdout
    found = vg.check(run)
    assert (found.ok, found.holds, found.completeness.stored) == (False, True, stored)
    assert f"{stored} of 8 cells" in found._repr_html_()
    assert vg.check(run, partial=True).ok


def test_a_run_with_cells_of_another_seed_is_refused(
    in_process: InProcess, config: Path, run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(config.read_text().replace("seed: 7", "seed: 8"))
    succeeded(in_process("sweep", other, "--out", tmp_path / "other"))
    foreign = next((tmp_path / "other" / "cells").iterdir())
    shutil.copy(foreign, run / "cells")
    says = f"cells/{foreign.name} is of another run"
    assert_refused(in_process("check", run), says)
    with pytest.raises(ValueError, match=says):
        vg.check(run)
    done = succeeded(in_process("sweep", config, "--out", run))
    assert f"cells/{foreign.name} is of another run" in done.stderr
    assert succeeded(in_process("check", run)).stdout.endswith("every bound holds\n")


@pytest.mark.parametrize(
    "content",
    ["sweeps: [\n", CONFIG.replace("learners", "bounds")],
    ids=["no YAML", "an unknown bound"],
)
def test_check_refuses_a_damaged_configuration(verigap: Command, run: Path, content: str) -> None:
    (run / "config.yaml").write_text(content)
    assert_refused(verigap("check", run), "config.yaml")


def test_check_without_a_finished_cell(verigap: Command, run: Path) -> None:
    for path in (run / "cells").iterdir():
        path.unlink()
    assert_refused(verigap("check", run), "is missing")
    (run / "manifest.json").unlink()
    assert_refused(verigap("check", run), "no finished cell; sweep again")
