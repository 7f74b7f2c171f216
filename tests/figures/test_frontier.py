"""The solved frontier: edges stand where the exact risks say, signs where the sweep says."""

import numpy as np
import pytest

from tests.figures.drawn import xy
from tests.figures.test_phase import row
from verigap.figures import frontier
from verigap.figures.style import styled
from verigap.theory import geometric_hitting_time
from verigap.theory.arrays import host_array
from verigap.theory.frontier import MARGIN, two_return_shares
from verigap.theory.risks import all_or_nothing, expert_shares

ROWS = [row(64, 40.0, 0.25, 0.5, 0.5), row(64, 40.0, 0.25, 0.8, -0.5), row(32, 10.0, 0.5, 0.8, 0.0)]
PLANES = {
    "coverage": {
        "sd": [0.1, 0.5],
        "cloning": [0.2, 0.3],
        "equal": [0.4, 0.3],
        "verifying": [0.5, None],
    },
    "budget": {
        "horizon": [2, 64],
        "cloning from": [8, None],
        "cloning to": [600, None],
        "verifying from": [None, 3],
        "verifying to": [None, 70],
        "bounds": [3000, 90],
    },
    "leash": {
        "log2_class_size": [2.0, 16.0, 90.0],
        "cloning": [None, 1.0, None],
        "equal": [1.4, 0.9, 0.5],
        "verifying": [0.7, 0.8, None],
        "bounds": [2.0, 0.3, None],
    },
}


@pytest.fixture(scope="module")
def axes():
    with styled():
        return frontier.draw({"run": ROWS, "planes": PLANES}).axes


def _line(axis, label):
    (line,) = [line for line in axis.get_lines() if line.get_label() == label]
    return xy(line)


def test_signs_of_the_cells_of_one_setting_stand_over_the_regions(axes) -> None:
    for side, q in (("verifying (VB) wins", 0.5), ("cloning (VF) wins", 0.8)):
        x, y = _line(axes[0], f"simulated: {side}")
        np.testing.assert_allclose([*x, *y], [(q * (1 - q)) ** 0.5, 0.25 / q])
    # The third cell is of another setting.
    assert _line(axes[0], "simulated: no clear difference")[0].size == 0
    np.testing.assert_allclose(_line(axes[0], "exact risks are equal"), [[0.1, 0.5], [0.4, 0.3]])


def test_regions_end_at_their_edges(axes) -> None:
    cloning = axes[0].collections[0].get_paths()[0].vertices
    assert {(0.1, 0.2), (0.5, 0.3)} <= {tuple(corner) for corner in cloning.tolist()}
    labels = [collection.get_label() for collection in axes[0].collections]
    assert labels[:2] == ["cloning leads", "verifying leads"]
    first, last = axes[1].get_lines()[:2]
    assert xy(first)[0][0] == 8
    assert xy(last)[0][0] == 600
    assert np.isnan(xy(first)[0][1])


def test_equality_is_not_drawn_where_neither_side_ever_leads(axes) -> None:
    size, kappa = xy(axes[2].get_lines()[0])
    assert size.tolist() == [2.0, 16.0, 90.0]
    np.testing.assert_array_equal(kappa, [1.4, 0.9, np.nan])


def test_a_run_without_the_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="no cell of n = 64 and d = 40"):
        frontier.caption({"run": ROWS[2:], "planes": PLANES})


@pytest.mark.long
def test_solved_edges_have_the_lead_they_stand_for() -> None:
    """On the planes of the gallery, thinned."""
    place = frontier.coverage_plane(4)
    for sd, *edges in zip(
        *(place[k] for k in ("sd", "cloning", "equal", "verifying")), strict=True
    ):
        for level, c0 in zip((-MARGIN, 0.0, MARGIN), edges, strict=True):
            assert two_return_shares(sd, c0, 64, 40.0).lead == pytest.approx(level, abs=1e-4)
    leash = frontier.leash_plane(5)
    law, _ = all_or_nothing(0.125, 0.125)
    for d, kappa in zip(leash["log2_class_size"], leash["verifying"], strict=True):
        if kappa == kappa:
            assert expert_shares(law, kappa, 32, d).lead == pytest.approx(MARGIN, abs=1e-4)
    budget = frontier.budget_plane(4)
    for horizon, first, last in zip(
        *(budget[k] for k in ("horizon", "verifying from", "verifying to")), strict=True
    ):
        law = geometric_hitting_time(host_array([0.005]), horizon)
        for edge, outside in ((first, -1), (last, 1)):
            if edge == edge:
                leads = [expert_shares(law, 1.0, int(n), 20.0).lead for n in (edge, edge + outside)]
                # From the left the first n inside, from the right as well.
                assert leads[0] > MARGIN
                assert leads[1] <= MARGIN or edge + outside < 1
