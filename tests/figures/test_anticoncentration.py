"""The figure anticoncentration: laws of equal mean, and the mass above the expert in blue."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.drawn_axes import drawn_axes
from verigap.figures import anticoncentration
from verigap.figures.style import VB


@pytest.fixture(scope="module")
def data():
    return {"laws": anticoncentration.NEEDS["laws"].compute((), False)}


def test_the_laws_have_one_mean_and_the_spread_one_more_of_everything(data) -> None:
    sharp, spread = data["laws"]["laws"]
    assert sharp["mean"] == pytest.approx(spread["mean"], abs=1e-6)
    for law in (sharp, spread):
        mass = np.asarray(law["probabilities"])
        returns = np.arange(mass.size)
        assert mass.sum() == pytest.approx(1, abs=1e-6)
        assert mass @ returns == pytest.approx(law["mean"], abs=1e-4)
        assert law["above"] == pytest.approx(mass[returns >= law["expert"]].sum(), abs=1e-6)
        margins, coverage = np.asarray(law["margins"]), np.asarray(law["coverage"])
        assert (coverage <= 1 / (1 + margins)).all()
    for key in ("sd", "expert", "above", "top_share"):
        assert spread[key] > sharp[key]


def test_the_blue_bars_are_the_mass_above_the_expert(data) -> None:
    for axis, law in zip(drawn_axes(anticoncentration, data), data["laws"]["laws"], strict=False):
        blue = [bar for bar in axis.patches if to_hex(bar.get_facecolor()) == VB.lower()]
        assert sum(bar.get_height() for bar in blue) == pytest.approx(law["above"], abs=1e-6)
        assert sum(bar.get_height() for bar in axis.patches) == pytest.approx(1, abs=1e-6)
        mean, expert = (line.get_xdata()[0] for line in axis.lines)
        assert (mean, expert) == (law["mean"], law["expert"])


def test_the_caption_has_the_parameters(data) -> None:
    text = anticoncentration.caption(data)
    for part in ("H = 256", "Beta(0.5, 20)", "chi-square 1 of", "Computed, not sampled"):
        assert part in text
