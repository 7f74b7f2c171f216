"""Figure `blank-sheet`: the number of cells in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigap.figures.needs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS = {"run": Run("configs/quickstart.yaml")}
SHOWS = "How many cells a run has."


def draw(data: Mapping[str, Any]) -> Figure:
    """The number as text."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0.5, 0.5, str(len(data["run"])))
    return figure


def caption(data: Mapping[str, Any]) -> str:
    """The number in words."""
    return f"{len(data['run'])} cells"
