"""A figure drawn in its style, for tests that look at what stands in its axes."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from verigap.figures.style import styled


def drawn_axes(module: ModuleType, data: Mapping[str, Any]) -> Any:
    """The axes of a figure, after a renderer has been through it."""
    with styled():
        figure = module.draw(data)
        figure.canvas.draw()
    return figure.axes
