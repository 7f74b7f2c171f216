"""The planted figure: drawn from rows whose content is known."""

import numpy as np
import pytest

from tests.trained_rows import trained_row
from verigap.figures import planted
from verigap.figures.style import styled


def _rows():
    settings = [("horizon", h, 32 * h) for h in (8, 16, 24)]
    settings += [("data", 24, n) for n in (64, 256, 1024)]
    return [
        trained_row(
            family, horizon, n, trial, block=block, cloned=np.full(6, 0.4 * horizon),
            gap=gap / 2, gap_unleashed=gap,
        )
        for family, gap in (("low", 0.5), ("high", 2.0))
        for block, horizon, n in settings
        for trial in range(2)
    ]  # fmt: skip


def _drawn(axis, label):
    (container,) = [c for c in axis.containers if c.get_label() == label]
    return container.lines[0]


def _line(axis, label):
    """Heights of the line drawn with this label."""
    return np.asarray(_drawn(axis, label).get_ydata())


def test_values_and_gaps_stand_where_they_should() -> None:
    with styled():
        figure = planted.draw({"run": _rows()})
        figure.canvas.draw()
    low, high, by_horizon, by_data = figure.axes
    assert "low" in low.get_title()
    assert "high" in high.get_title()
    np.testing.assert_allclose(_line(low, "cloning (VF)"), 0.4)
    np.testing.assert_allclose(_line(high, "best-of-N (VB)"), 0.4 + 2.0 / np.asarray([8, 16, 24]))
    for axis in (by_horizon, by_data):
        np.testing.assert_allclose(_line(axis, "high, unleashed"), 2.0)
        np.testing.assert_allclose(_line(axis, "high, same leash"), 1.0)
        np.testing.assert_allclose(_line(axis, "low, same leash"), 0.25)
    np.testing.assert_array_equal(_drawn(by_data, "low, same leash").get_xdata(), [64, 256, 1024])


def test_the_caption_has_the_run_s_parameters() -> None:
    text = planted.caption({"run": _rows()})
    for part in ("1,000 parameters", "k = 3, V = 8", "H = 24", "2 trainings", "n = 32 H"):
        assert part in text


def test_a_run_without_both_blocks_is_refused() -> None:
    rows = [row for row in _rows() if row["block"] == "data"]
    with pytest.raises(ValueError, match=r"sweep configs/planted-small\.yaml first"):
        planted.draw({"run": rows})
