"""The tightness figure: ratios and trivial bounds of three cells."""

from pathlib import Path

import numpy as np
import pytest

from tests.figures.drawn import xy
from verigap.figures import tightness
from verigap.figures.style import styled
from verigap.sim.checks.check import BoundTest, check
from verigap.storage.run_store import RunStore

QUICKSTART = Path(__file__).parents[2] / "docs" / "runs" / "quickstart"


@pytest.fixture(scope="module")
def rows():
    cells = RunStore.read_only(QUICKSTART).read_cells().to_dicts()
    return [row for row in cells if row["block"] == "two-level"][:3]


def test_a_bound_that_follows_without_it_says_nothing() -> None:
    row = {"mean": 6.0, "expert_gain": 4.0}

    def empty(bound, value):
        return tightness.says_nothing(
            BoundTest(bound, "", "", value, 1.0, 1.0, violated=False, limit=np.nan), row
        )

    assert empty("VF-UPPER", 10.0)
    assert not empty("VF-UPPER", 9.0)
    assert empty("VF-LOWER", 0.0)
    assert not empty("VF-LOWER", 0.5)
    assert empty("VF-LOWER-PROBABILITY", 1.0)


def test_ratios_stand_on_the_line_of_their_bound(rows) -> None:
    with styled():
        figure = tightness.draw({"run": rows})
    right = figure.axes[1]
    names = [label.get_text() for label in right.get_yticklabels()]
    tests = [test for test in check(rows).tests if test.bound == "VF-UPPER"]
    place = next(i for i, name in enumerate(names) if name.startswith("VF-UPPER "))
    drawn = [
        float(x)
        for line in right.get_lines()
        if line.get_marker() == "o"
        for x, y in zip(*xy(line), strict=True)
        if abs(y - place) < 0.5
    ]
    low, high = right.get_xlim()
    expected = np.clip([test.ratio for test in tests], low, high)
    np.testing.assert_allclose(sorted(drawn), sorted(expected))
    by_cell = {row["cell"]: row for row in rows}
    counts = [text.get_text() for text in right.texts]
    assert f"{sum(tightness.says_nothing(test, by_cell[test.cell]) for test in tests)}/3" in counts


def test_the_caption_has_the_run_s_parameters(rows) -> None:
    text = tightness.caption({"run": rows})
    assert "3 cells" in text
    assert "400 replicates a cell, delta = 0.05" in text
    assert "correction: 0." in text
