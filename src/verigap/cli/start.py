"""Where the program starts: signals are taken over before anything else is imported."""

from __future__ import annotations

import gc
import os
from typing import NoReturn

from verigap.cli.interrupts import guarded


def main() -> NoReturn:
    """Entry point of `verigap`."""
    guarded(_run)


def _run() -> None:
    # Importing and tracing leave many objects and little garbage: to look for it less often saves
    # 2 % (diagnose) to 8 % (bounds) of the time.
    gc.set_threshold(50_000, 20, 50)
    # Products of matrices are small here: the threads of NumPy's library would mostly wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from verigap.cli.main import main as run

    run()
