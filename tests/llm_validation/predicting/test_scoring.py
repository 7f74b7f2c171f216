"""Scores of predictions whose quality is known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.llm_validation.reporting.builders import measurement, prediction, rows
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.scoring import (
    CARRIED,
    POWER_LAW,
    PREDICTED,
    Cell,
    score,
    score_gaps,
)

CELLS = [(h, n) for h in (32, 64, 128) for n in (16, 64, 256)]
SEEN = {(h, n) for h in (32, 64) for n in (16, 64)}


def spread(value: float, width: float = 0.1) -> Statistic:
    return Statistic(value, value - width, value + width)


def scores(truth: dict[Cell, Statistic], **predicted: dict[Cell, Statistic]) -> dict:
    held_out, methods = score_gaps(predicted, truth, SEEN)
    assert held_out == tuple(cell for cell in CELLS if cell not in SEEN)
    return {method.method: method for method in methods}


def test_a_power_law_is_extrapolated_exactly() -> None:
    truth = {(h, n): spread(0.01 * h**0.5 * n**-0.25, 1e-3) for h, n in CELLS}
    found = scores(truth, predicted=truth)
    for name in ("predicted", POWER_LAW):
        assert found[name].sign_accuracy == 1.0
        assert found[name].relative_error == pytest.approx(0.0, abs=1e-9)
        assert found[name].rank_correlation == pytest.approx(1.0)
    assert found["predicted"].coverage == 1.0
    assert np.isnan(found[POWER_LAW].coverage)
    # The last value ignores what is still to come.
    assert found[CARRIED].relative_error > 0.1


def test_negative_gaps_follow_a_power_law_too() -> None:
    truth = {(h, n): spread(-0.02 * h, 1e-3) for h, n in CELLS}
    found = scores(truth, predicted=truth)
    assert found[POWER_LAW].relative_error == pytest.approx(0.0, abs=1e-9)


def test_the_last_value_is_right_where_nothing_moves() -> None:
    truth = {cell: spread(2.0) for cell in CELLS}
    found = scores(truth, predicted={cell: spread(-2.0) for cell in CELLS})
    assert found[CARRIED].relative_error == 0.0
    assert found["predicted"].relative_error == pytest.approx(2.0)
    assert found["predicted"].sign_accuracy == found["predicted"].coverage == 0.0
    assert np.isnan(found["predicted"].rank_correlation)


def test_coverage_counts_both_intervals_towards_the_other() -> None:
    truth = {cell: Statistic(0.0, -3.0, 1.0) for cell in CELLS}
    # Above the truth: the upper half of its interval counts, 1, and the lower one of the guess, 4.
    near = {cell: Statistic(4.1, 0.1, 99.0) for cell in CELLS}
    found = scores(truth, predicted=near, far={c: Statistic(4.2, 0.2, 99.0) for c in CELLS})
    assert found["predicted"].coverage == 1.0
    assert found["far"].coverage == 0.0
    assert found["predicted"].clear == 0
    assert np.isnan(found["predicted"].sign_accuracy)


def test_cells_that_were_not_measured_are_left_out() -> None:
    truth = {cell: spread(1.0) for cell in CELLS} | {(128, 256): Statistic(*[np.nan] * 3)}
    held_out, methods = score_gaps({"predicted": truth}, truth, SEEN)
    assert (128, 256) not in held_out
    assert {method.cells for method in methods} == {4}
    nothing, methods = score_gaps({"predicted": {}}, truth, SEEN)
    assert nothing == ()
    assert {method.cells for method in methods} == {0}


def test_the_chosen_prediction_is_scored_with_its_own_intervals() -> None:
    measured = measurement(rows())
    made = prediction(measured)
    far = {
        "relabelling": tuple(replace(cell, gap=spread(20.0)) for cell in made.cells["relabelling"]),
        "parametric": tuple(replace(cell, gap=spread(-2.0)) for cell in made.cells["parametric"]),
    }
    unsure = tuple(replace(cell, gap=Statistic(-2.0, -3.0, 20.0)) for cell in made.chosen_cells)
    methods = score(replace(made, cells=far, chosen_cells=unsure), measured).methods
    covered = {method.method: method.coverage for method in methods[:3]}
    assert covered == {PREDICTED: 1.0, "relabelling": 0.0, "parametric": 0.0}
    assert methods[0].sign_accuracy == 0.0
