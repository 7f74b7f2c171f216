"""The zoo figure: drawn from rows whose content is known."""

import numpy as np
import pytest

from tests.sim.planted.methods.method_rows import method, methods_row
from verigap.figures import zoo
from verigap.figures.style import styled


def _rows() -> list[dict]:
    return [
        methods_row(
            [
                method("base", 2.0, side="base"),
                method("vote", 3.0),
                method("best-of-n", 3.0 + horizon / 8, "vb", "learned"),
                method("best-of-n", 6.0, "vb", "exact"),
            ],
            trial=trial,
            family=family,
            horizon=horizon,
        )
        for family in ("low", "high")
        for horizon in (8, 16)
        for trial in range(2)
    ]


def _lines(axis):
    """Label and line of all that is drawn with intervals."""
    return [(container.get_label(), container.lines[0]) for container in axis.containers]


def test_gains_and_curves_stand_where_they_should() -> None:
    with styled():
        figure = zoo.draw({"run": _rows()})
        figure.canvas.draw()
    panels = figure.axes
    assert [axis.get_title() for axis in panels[:4]] == [
        "low, $H=8$", "low, $H=16$", "high, $H=8$", "high, $H=16$",
    ]  # fmt: skip
    for axis, gain in zip(panels[:4], (1.0, 2.0, 1.0, 2.0), strict=True):
        drawn = [line.get_xdata()[0] for _, line in _lines(axis)]
        np.testing.assert_allclose(drawn, [-1.0, 0.0, gain, 3.0])
        assert [label.get_text() for label in panels[0].get_yticklabels()] == [
            "base", "vote", "best-of-n",
        ]  # fmt: skip
    ((_, passed),) = _lines(panels[4])
    np.testing.assert_allclose(passed.get_ydata(), [0.2, 0.1])
    over = {label: line.get_ydata().tolist() for label, line in _lines(panels[5])}
    assert over == {"exact": [2.0, 5.0], "learned": [2.0, 4.0], "vote": [2.0, 3.0]}


def test_the_caption_has_the_run_s_parameters() -> None:
    text = zoo.caption({"run": _rows()})
    for part in ("1,000 parameters", "k = 3, V = 8", "2 trainings", "6 held-out prompts", "n = 32"):
        assert part in text


def test_a_run_without_the_block_is_refused() -> None:
    rows = [row | {"block": "other"} for row in _rows()]
    with pytest.raises(ValueError, match=r"sweep configs/zoo\.yaml first"):
        zoo.draw({"run": rows})


def test_a_run_of_one_family_is_refused() -> None:
    rows = [row for row in _rows() if (row["family"], row["horizon"]) != ("high", 16)]
    with pytest.raises(ValueError, match="no high heterogeneity at H = 16"):
        zoo.draw({"run": rows})
