"""The scaling figure, from rows made by hand."""

from typing import Any

import pytest

from verigap.figures import FIGURES
from verigap.figures.style import styled

BLOCKS = (
    ("sqrt-h-constant-class", 40.0, 0.01),
    ("sqrt-h-growing-class", 14.0, 0.01),
    ("linear-separation", 20.0, 0.0002),
)


def _row(block: str, bits: float, radius: float, horizon: int) -> dict[str, Any]:
    def learner(name: str, risk: float) -> dict[str, Any]:
        return {"learner": name, "leashed_mean": risk, "leashed_variance": 1.0}

    return {
        "game": "relabelling",
        "block": block,
        "horizon": horizon,
        "data_budget": horizon,
        "log2_class_size": bits,
        "chi2_radius": 1.0,
        "expert_radius": radius,
        "leash": radius,
        "num_candidates": 8,
        "failure_probability": 0.05,
        "coverage": 0.5,
        "replicates": 100,
        "atoms": [[0.0, float(horizon)]],
        "learners": [
            learner("vf-mle", horizon**0.5),
            learner("vf-bayes", 0.9 * horizon**0.5),
            learner("vb-pessimism", 0.0),
        ],
    }


ROWS = [_row(*block, horizon) for block in BLOCKS for horizon in (1024, 4096, 16384)]


def test_every_panel_shows_its_points_and_a_legend_names_them() -> None:
    with styled():
        figure = FIGURES["scaling"].draw({"run": ROWS})
    assert len(figure.axes) == 3
    for axes in figure.axes:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        low, high = axes.get_ylim()
        points = [y for line in axes.lines for y in line.get_ydata() if y == y]
        assert low < min(points)
        assert max(points) < high
    legend = figure.axes[0].get_legend()
    assert {text.get_text() for text in legend.get_texts()} == {
        "lower bound",
        "simulated, VF-MLE",
        "simulated, VF-Bayes",
    }


def test_caption_carries_the_parameters_of_the_run() -> None:
    caption = FIGURES["scaling"].caption({"run": ROWS})
    assert "H = 1024 to 16384" in caption
    assert "100 replicates" in caption


def test_a_run_without_the_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="linear-separation"):
        FIGURES["scaling"].draw(
            {"run": [row for row in ROWS if row["block"] != "linear-separation"]}
        )
