"""A plugin of pytest that tells the package coverage which test is running.

Left to itself it takes the first function whose name begins so, which may be one of Hypothesis.
"""

from __future__ import annotations

import importlib
from typing import Any


def pytest_runtest_logstart(nodeid: str) -> None:
    """What runs from here on, fixtures included, is reached by this test function."""
    coverage: Any = importlib.import_module("coverage")
    measuring = coverage.Coverage.current()
    if measuring is not None:
        measuring.switch_context(nodeid.partition("[")[0])
