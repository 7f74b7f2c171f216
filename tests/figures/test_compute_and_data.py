"""The figure compute-and-data: drawn from rows and values whose content is known."""

import numpy as np
import pytest

from tests.drawn_axes import drawn_axes
from verigap.figures import compute_and_data


def _row(block, horizon, n, sd=0.5):
    gain = 10.0 * (2 if sd == 0.5 else 1)
    return {
        "block": block, "horizon": horizon, "data_budget": n, "sd": sd * horizon,
        "log2_class_size": 40.0, "replicates": 100, "expert_gain": gain, "expert_radius": 0.01,
        "learners": [
            {"learner": name, "leashed_mean": risk, "leashed_variance": 4.0}
            for name, risk in (("vb-pessimism", 0.0), ("vf-mle", 15.0), ("vf-bayes", 12.0))
        ],
    }  # fmt: skip


def _group(model, scale):
    names = ("exact", "verify", "verify_leashed", "clone", "clone_leashed", "base")
    return {
        "dataset": "set", "model": model, "unit": "tokens", "prompts": 7, "samples": 70,
        "candidates": 5, "radius": 2.0,
        "cells": [
            {
                "horizon": horizon,
                "data": n,
                "values": {
                    name: [scale * horizon * (6 - i) / 10, None, None]
                    for i, name in enumerate(names)
                },
            }
            for horizon in (64, 192)
            for n in (16, 256)
        ],
    }  # fmt: skip


DATA = {
    "run": [_row("horizon", h, h, sd) for h in (64, 256) for sd in (0.1, 0.5)]
    + [_row("one-expert", 128, n) for n in (512, 8, 64)],
    "measured": [_group("a", 1.0), _group("b", 0.5)],
}


def _heights(axis, label):
    (container,) = [c for c in axis.containers if c.get_label() == label]
    return container.lines[0].get_xydata().T


def test_gains_and_values_stand_where_they_should() -> None:
    by_horizon, by_data, *real = drawn_axes(compute_and_data, DATA)
    x, y = _heights(by_horizon, "version space (VB)")
    np.testing.assert_array_equal(x, [64, 256])
    np.testing.assert_allclose(y, 20.0)
    x, y = _heights(by_data, "VF-Bayes")
    np.testing.assert_array_equal(x, [8, 64, 512])
    np.testing.assert_allclose(y, 8.0)
    for axis, scale in zip(real, (1.0, 1.0, 0.5, 0.5), strict=True):
        np.testing.assert_allclose(_heights(axis, "best of N, exact check (VB)")[1], 0.6 * scale)
        np.testing.assert_allclose(_heights(axis, "clone, leashed (VF)")[1], 0.2 * scale)
        np.testing.assert_allclose(_heights(axis, "base")[1], 0.1 * scale)


def test_the_caption_has_the_parameters() -> None:
    text = compute_and_data.caption(DATA)
    for part in ("2^40", "n = H = 64 to 256", "chi-square 0.01 at H = 128", "70 samples", "N = 5"):
        assert part in text


def test_a_run_without_a_block_is_refused() -> None:
    rows = [row for row in DATA["run"] if row["block"] == "horizon"]
    with pytest.raises(ValueError, match="one-expert"):
        compute_and_data.draw(DATA | {"run": rows})
