"""The prediction figure: cells where they were predicted and measured, scores in the caption."""

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
        "relative_error": 0.5,
        "coverage": 1.0,
        "rank_correlation": 1.0,
    }


def _group(predictors, **names):
    return {
        **names,
        "bits": 20.0,
        "seeds": 16,
        "cells": [
            {
                "horizon": 8,
                "data": n,
                "measured": _statistic(truth),
                "predicted": {name: _statistic(truth + off) for name, off in predictors.items()},
            }
            for n, truth in ((64, 1.0), (256, 3.0))
        ],
        "scores": {name: _score(name, 1.0 - off) for name, off in predictors.items()},
    }


_DATA = {
    "found": {
        "groups": [
            _group(
                {"relabelling": 0.5, "parametric": 0.0}, dataset="sums", model="m", unit="tokens"
            )
        ],
        "families": [_group({"relabelling": 0.5}, family="low")],
    }
}


def test_cells_stand_at_predicted_and_measured_gaps() -> None:
    with styled():
        figure = prediction.draw(_DATA)
    real, planted = figure.axes
    drawn = {container.get_label(): container for container in real.containers}
    for label, off in (("parametric predictor", 0.0), ("relabelling game", 0.5)):
        (x, y), upwards = bars(drawn[label])
        np.testing.assert_allclose([x, y], [[1.0 + off, 3.0 + off], [1.0, 3.0]])
        np.testing.assert_allclose(upwards[0], [0.75, 1.5])
        np.testing.assert_allclose(bars(drawn[label], 0)[1][0], [0.75 + off, 1.5 + off])
    assert len(planted.containers) == 1


def test_the_caption_tells_failures() -> None:
    text = prediction.caption(_DATA)
    assert "m on sums (d = 20): 2 cells, relabelling (1 of 2, 1.00, 0.50)" in text
    assert "parametric (2 of 2, 1.00, 0.50)" in text
    assert "16 seeds" in text
