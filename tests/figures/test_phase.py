"""The phase diagram: signs and places stand where the game and the fit say."""

import numpy as np
import pytest

from verigap.figures import phase
from verigap.figures.style import styled


def row(n, bits, p, q, gap):
    """A cell of base success p and expert success q, H = 10, whose VB gains `gap` tokens."""
    return {
        "horizon": 10,
        "data_budget": n,
        "log2_class_size": bits,
        "chi2_radius": (q - p) ** 2 / (p * (1 - p)),
        "failure_probability": 0.05,
        "replicates": 100,
        "atoms": [[0.0] * round(8 * (1 - p)) + [10.0] * round(8 * p)],
        "mean": 10 * p,
        "expert_gain": 10 * (q - p),
        "learners": [
            {"learner": "vf-mle", "leashed_mean": 1.0 + gap, "leashed_variance": 0.01},
            {"learner": "vb-pessimism", "leashed_mean": 1.0, "leashed_variance": 0.01},
        ],
    }


_ROWS = [
    row(32, 10.0, 0.25, 0.5, 0.5),
    row(32, 10.0, 0.25, 0.8, -0.5),
    row(32, 10.0, 0.5, 0.8, 0),
]
_GROUPS = [
    {
        "dataset": "sums",
        "model": "m",
        "prompts": 3,
        "samples": 12,
        "budgets": [
            {
                "horizon": 8,
                "place": {"sigma_over_h": 0.2, "coverage": 0.01, "low": 0.001, "high": 0.1},
            }
        ],
    }
]  # fmt: skip


def _drawn():
    with styled():
        return phase.draw({"run": _ROWS, "groups": _GROUPS}).axes[0]


def _line(label):
    (line,) = [line for line in _drawn().get_lines() if line.get_label() == label]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_signs_stand_at_the_expert_s_heterogeneity_and_coverage() -> None:
    for side, q, c0 in (
        ("verifying (VB) wins", 0.5, 0.5),
        ("cloning (VF) wins", 0.8, 0.25 / 0.8),
        ("no clear difference", 0.8, 0.5 / 0.8),
    ):
        x, y = _line(f"simulated: {side}")
        np.testing.assert_allclose([*x, *y], [(q * (1 - q)) ** 0.5, c0])


def test_bounds_meet_on_the_frontier() -> None:
    sd, c0 = _line("VF-UPPER = VB-UPPER")
    q = phase.success(sd)
    np.testing.assert_allclose(sd, np.sqrt(q * (1 - q)), atol=1e-12)
    left = (0.05 / (2**10 - 1)) ** (1 / 32)
    v = 1 - left**2
    inside = c0 < 1.0
    assert inside.any()
    cloning = 2 * sd * np.sqrt(v) + q * v
    np.testing.assert_allclose(((1 - left) / cloning)[inside], c0[inside], rtol=1e-5)


def test_a_trace_tells_both_sides_as_much_on_the_dashed_line() -> None:
    sd, c0 = _line("equal information a trace")
    # At q = 1 a demonstration tells ln(1/p): the entropy of the label at p = 1/2.
    assert c0[0] == pytest.approx(0.5, abs=1e-3)
    q = phase.success(sd)[100]
    p = q * c0[100]
    told = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    assert told == pytest.approx(-p * np.log(p) - (1 - p) * np.log(1 - p))


def test_real_models_have_their_place_and_the_caption_its_parameters() -> None:
    x, y = _line("m, $H=8$")
    assert (x, y) == (0.2, 0.01)
    text = phase.caption({"run": _ROWS, "groups": _GROUPS})
    assert "H = 10, 100 replicates a cell" in text
