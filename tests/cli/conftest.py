"""Runs that several tests look at; whoever wants to change one works on a copy."""

import os
from pathlib import Path

import pytest

import verigap as vg
from tests.cli.command import Command, InProcess, run_here, succeeded
from tests.cli.fault_trials import write_table

EXAMPLE = Path(__file__).parents[2] / "examples" / "game24_gpt4.parquet"

MIXED = """
seed: 7
replicates: 20
learners: [vf-mle, vb-plug-in]
sweeps:
  - name: two-level
    law: {family: two-level}
    log2_class_size: 20
    grid: {horizon: [16, 64], data_budget: [8, 32]}
  - name: game24
    law: {family: table, table: laws.parquet, model: gpt-4-cot}
    data_budget: 64
    log2_class_size: 10
    grid: {horizon: [64, 96]}
"""


@pytest.fixture(scope="session")
def verigap() -> Command:
    """The command. Compiling is most of what a small run costs: it is done in haste, and once."""
    names = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS", "VERIGAP_CACHE")
    return Command({name: os.environ[name] for name in names})


@pytest.fixture(scope="session")
def in_process() -> InProcess:
    """The command called here: no process that imports everything, and compiled programs stay."""
    return run_here


@pytest.fixture
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bounds` called here simulates few data sets, where a test does not look at the risks."""
    defaults = vg.calculate.__kwdefaults__
    assert defaults is not None
    assert defaults["replicates"] > 100
    monkeypatch.setitem(defaults, "replicates", 100)


@pytest.fixture(scope="session")
def law_table(verigap: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Laws of the example traces at 64 and 96 tokens, made by `verigap laws`."""
    path = tmp_path_factory.mktemp("laws") / "laws.parquet"
    succeeded(verigap("laws", EXAMPLE, "--horizon", "64,96", "--out", path))
    return path


@pytest.fixture(scope="session")
def mixed_config(law_table: Path) -> Path:
    """A sweep over measured laws of a hundred prompts next to a synthetic one."""
    path = law_table.with_name("mixed.yaml")
    path.write_text(MIXED)
    return path


@pytest.fixture(scope="session")
def mixed_run(
    verigap: Command, mixed_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its run folder, swept in one go on one device. To be read only."""
    run = tmp_path_factory.mktemp("runs") / "mixed"
    done = succeeded(verigap("sweep", mixed_config, "--out", run))
    assert "6 of 6 cells done\n" in done.stdout
    return run


def pytest_terminal_summary(terminalreporter) -> None:
    """What the campaigns of `make chaos` saw, in one table."""
    write_table(terminalreporter)
