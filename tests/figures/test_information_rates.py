"""The rates figure: limits by hand, budgets by the numbers of the theory, points where they are."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from tests.figures.drawn import bars, xy
from verigap.figures import information_rates
from verigap.figures.style import styled
from verigap.theory import RewardLaw


def test_limits_of_a_rare_success() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([[0.0] * 3 + [1.0]]))
    # At the radius 1/p - 1 the expert only succeeds: KL = ln(1/p), two bits a trace.
    cloning, verification = information_rates.limits(law, 3.0)
    assert cloning == pytest.approx(0.5)
    told = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert verification == pytest.approx(math.log(2) / told)


def _data():
    def row(block, n):
        entry = {"leashed_mean": 32.0 / n, "leashed_variance": 4.0}
        names = ("vf-mle", "vf-bayes", "vb-plug-in", "vb-pessimism")
        return {
            "block": block,
            "data_budget": n,
            "log2_class_size": 20.0,
            "chi2_radius": 0.25,
            "replicates": 100,
            "expert_gain": 16.0,
            "atoms": [[0.0, 64.0]],
            "learners": [{"learner": name, **entry} for name in names],
        }

    blocks = ("two-level", "success")
    own = {
        "bits": [10],
        "cloning": [
            {"chi2_radius": 0.1, "limit": 14.0, "needed": [120]},
            {"chi2_radius": 1.0, "limit": 1.0, "needed": [10]},
        ],
        "verification": {"limit": 1.0, "needed": [11]},
    }
    return {
        "budgets": dict.fromkeys(blocks, own),
        "run": [row(block, n) for block in blocks for n in (8, 4)],
    }


def test_budgets_and_risks_stand_where_they_should() -> None:
    with styled():
        figure = information_rates.draw(_data())
    above, _, below, _ = figure.axes
    lines = [xy(line)[1] for line in above.get_lines()]
    np.testing.assert_allclose(lines[0], [14.0, 1.0])
    np.testing.assert_allclose(lines[2], [12.0, 1.0])
    np.testing.assert_allclose(lines[3], [1.1, 1.1])
    (x, y), ends = bars(below.containers[0])
    np.testing.assert_allclose([x, y], [[4, 8], [0.5, 0.25]])
    np.testing.assert_allclose(np.ptp(ends, axis=1), 2 * 1.96 * 0.2 / 16)


def test_the_caption_has_the_run_s_parameters() -> None:
    text = information_rates.caption(_data())
    assert "d = 10" in text
    assert "100 replicates" in text


def test_a_run_without_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match=r"figures-rates\.yaml first"):
        information_rates.draw({**_data(), "run": []})
