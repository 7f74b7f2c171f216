"""One look for all figures: column width, colour-blind-safe, VF and VB always in their colours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VF = "#D55E00"
VB = "#0072B2"
BOUND = "#444444"
GUIDE = "#999999"

COLUMN = 3.4
"""Width of a journal column, inches."""


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib settings of every figure."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.titlesize": 8,
        "legend.fontsize": 6.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.2,
        "lines.markersize": 3.5,
        "legend.frameon": False,
        "figure.dpi": 200,
        "savefig.bbox": "tight",
        "pdf.fonttype": 42,
        "svg.hashsalt": "verigap",
    }
    with mpl.rc_context(settings):
        yield


def log_log(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Both axes in powers of ten, or of two for budgets."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
