"""The tests that need the `llm` extra: `make test-llm` runs them, all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch  # pyright: ignore[reportMissingImports]

from tests.cli.command import Command
from tests_llm.tiny import save_tiny

# One thread: the models are tiny, and results then do not depend on the machine's cores.
torch.set_num_threads(1)
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def verigap() -> Command:
    """The installed command."""
    return Command(ENVIRONMENT)
