"""The figure controlled-heterogeneity: from gaps that are exact powers."""

import json

import numpy as np
import pytest

from tests.drawn_axes import drawn_axes
from verigap.figures import controlled_heterogeneity


def _row(block, share, horizon, n):
    gap = share * horizon**0.4 if block == "horizon" else share * n**-0.6
    return {
        "block": block, "series": json.dumps({"law.sd": share}), "horizon": horizon,
        "data_budget": n, "log2_class_size": 30.0, "replicates": 50,
        "learners": [
            {"learner": "vf-bayes", "leashed_mean": gap, "leashed_variance": 0.0},
            {"learner": "vb-pessimism", "leashed_mean": 0.0, "leashed_variance": 0.0},
        ],
    }  # fmt: skip


ROWS = [
    _row(block, share, size if block == "horizon" else 64, size)
    for block in ("horizon", "data")
    for share in (0.5, 0.1)
    for size in (256, 16, 64)
]


def test_gaps_and_exponents_stand_where_they_should() -> None:
    by_horizon, by_data, exponents = drawn_axes(controlled_heterogeneity, {"run": ROWS})
    sizes = np.asarray([16.0, 64.0, 256.0])
    for axis, power in ((by_horizon, 0.4), (by_data, -0.6)):
        drawn = {c.get_label(): c.lines[0].get_xydata().T for c in axis.containers}
        assert list(drawn) == ["0.1", "0.5"]
        np.testing.assert_array_equal(drawn["0.5"][0], sizes)
        np.testing.assert_allclose(drawn["0.5"][1], 0.5 * sizes**power)
        # The fitted line goes through exact powers.
        fitted = [line for line in axis.lines if line.get_linewidth() == 0.7]
        np.testing.assert_allclose(fitted[0].get_ydata(), 0.1 * sizes**power)
    in_horizon, in_data = (c.lines[0].get_ydata() for c in exponents.containers)
    np.testing.assert_allclose(in_horizon, 0.4)
    np.testing.assert_allclose(in_data, 0.6)


def test_the_caption_has_the_parameters_and_the_exponents() -> None:
    text = controlled_heterogeneity.caption({"run": ROWS})
    for part in ("sd 0.1, 0.5 of H", "2^30", "50 replicates", "16 to 256", "0.400 [", "-0.600 ["):
        assert part in text


def test_a_run_without_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sweep configs/figures-heterogeneity\.yaml first"):
        controlled_heterogeneity.draw({"run": ROWS[:6]})
