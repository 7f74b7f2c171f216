"""The prediction figure: forecasts against what was measured, scores in the caption."""

import numpy as np

from tests.figures.drawn import bars
from verigap.figures import prediction
from verigap.figures.style import styled


def _statistic(middle):
    return {"estimate": middle, "low": middle - 0.25, "high": middle + 0.5}


def _score(method, right):
    return {
        "method": method,
        "cells": 2,
        "clear": 2,
        "sign_accuracy": right,
        "absolute_error": 1.0,
        "relative_error": 0.5,
        "coverage": 1.0,
    }


_OFF = {"predicted": 0.5, "reused": 0.0}
_DATA = {
    "groups": [
        {
            "dataset": "sums",
            "model": name,
            "unit": "tokens",
            "prompts": 7,
            "splits": 1,
            "comparisons": [
                {
                    "measured": _statistic(truth),
                    "predicted": {key: _statistic(truth + off) for key, off in _OFF.items()},
                }
                for truth in (1.0, 3.0)
            ],
            "scores": {key: _score(key, 1.0 - off) for key, off in _OFF.items()},
        }
        for name in ("m", "k")
    ]
}


def test_comparisons_stand_at_forecast_and_measured_gaps() -> None:
    with styled():
        figure = prediction.draw(_DATA)
    assert len(figure.axes) == 2
    for axis in figure.axes:
        drawn = {container.get_label(): container for container in axis.containers}
        for label, off in (("predicted", 0.5), ("measured on the first half", 0.0)):
            (x, y), upwards = bars(drawn[label])
            np.testing.assert_allclose([x, y], [[1.0 + off, 3.0 + off], [1.0, 3.0]])
            np.testing.assert_allclose(upwards[0], [0.75, 1.5])
            np.testing.assert_allclose(bars(drawn[label], 0)[1][0], [0.75 + off, 1.5 + off])


def test_the_caption_tells_failures() -> None:
    text = prediction.caption(_DATA)
    assert "m on sums: 7 prompts a half, 2 comparisons, predicted (1 of 2, 1.00, 0.50)" in text
    assert "measured on the first half (2 of 2, 1.00, 0.50)" in text
