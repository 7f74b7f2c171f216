"""What the figures of real traces and the panels of a diagnosis draw alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.style import BOUND
from verigap.storage.units import LengthUnit, shared_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MODELS = {
    "gpt-4-cot": "GPT-4 CoT",
    "gpt-4-io": "GPT-4 IO",
    "SmolLM2-135M-Instruct.Q4_1": "SmolLM2-135M",
}


def model_name(group: Mapping[str, Any]) -> str:
    """The model as people call it."""
    return _MODELS.get(group["model"]) or str(group["model"])


def dataset_name(group: Mapping[str, Any]) -> str:
    """The dataset without the collection it is of."""
    return str(group["dataset"]).split("/")[-1]


def group_name(group: Mapping[str, Any]) -> str:
    """Model and data in few words."""
    return f"{model_name(group)} on {dataset_name(group)}"


def common_unit(groups: Sequence[Mapping[str, Any]]) -> LengthUnit:
    """What the lengths of all groups count, for a label or sentence that they share.

    Raises:
      ValueError: they count different things.
    """
    unit = shared_unit(LengthUnit(group["unit"]) for group in groups)
    if unit is None:
        listed = ", ".join(sorted({str(group["unit"]) for group in groups}))
        raise ValueError(f"one figure cannot show lengths in {listed}; give tables of one unit")
    return unit


def known(*values: float | None) -> bool:
    """Whether all are numbers."""
    return all(value is not None and np.isfinite(value) for value in values)


def ends(rows: Sequence[Mapping[str, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates and interval ends, one entry a row; an unknown end is the estimate."""
    return spans([[row["estimate"], row["low"], row["high"]] for row in rows])


def spans(
    statistics: Sequence[Sequence[float | None]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of (estimate, low, high), None where unknown."""
    middle, low, high = np.array(statistics, float).T
    return middle, np.where(np.isnan(low), middle, low), np.where(np.isnan(high), middle, high)


def bars(middle: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Lengths of error bars downwards and upwards; rounding makes none negative."""
    return np.maximum(np.stack([middle - low, high - middle]), 0.0)


def shares_below(axis: Axes, values: Sequence[float], style: str, **look: Any) -> None:
    """The share of prompts below each value, as steps."""
    shares = np.arange(1, len(values) + 1) / len(values)
    axis.step(np.sort(np.asarray(values, float)), shares, style, where="post", **look)


def coverage_curve(axis: Axes, rows: Sequence[Mapping[str, Any]], style: str, **look: Any) -> None:
    """c(epsilon) with its intervals, at the margins where it is known."""
    rows = [row for row in rows if known(row["c"])]
    middle, low, high = ends([{**row, "estimate": row["c"]} for row in rows])
    margins = [row["epsilon"] for row in rows]
    axis.errorbar(margins, middle, bars(middle, low, high), fmt=style, **look)


def cantelli_ceiling(axis: Axes, margins: Sequence[float]) -> None:
    """What no law exceeds, 1/(1 + epsilon)."""
    fine = np.geomspace(min(margins), max(margins), 50)
    axis.plot(fine, 1.0 / (1.0 + fine), ":", color=BOUND, label="Cantelli ceiling")
