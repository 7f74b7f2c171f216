"""Scores of predictions whose quality is known, on halves of the prompts that share nothing."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.predicting.test_parametric import pools_of
from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.measuring.measure import measure_group
from verigap.llm_validation.pools.pools import SamplePools, sample_pools
from verigap.llm_validation.predicting import scoring
from verigap.llm_validation.predicting.calibration import Slice, calibration_slice
from verigap.llm_validation.predicting.draws import shrunk, statistic
from verigap.llm_validation.predicting.predict import (
    REPLICATES,
    Options,
    parametric_prediction,
)
from verigap.llm_validation.predicting.scoring import (
    METHODS,
    NO_GAP,
    PREDICTED,
    REUSED,
    SHRUNK,
    method_score,
    score,
    selected_prompts,
)
from verigap.llm_validation.traces import Traces

HORIZONS, DATA = (20, 40), (8, 32)
NAN = float("nan")


def spread(value: float, width: float = 0.1) -> Statistic:
    return Statistic(value, value - width, value + width)


def test_errors_and_signs_by_hand() -> None:
    truth = [spread(2.0), spread(-1.0), spread(0.05), spread(1.0)]
    guess = [spread(1.0), spread(1.0), spread(-0.95), spread(1.0)]
    found = method_score("guess", guess, truth)
    assert (found.method, found.cells, found.clear) == ("guess", 4, 3)
    # The third is not clear of 0, so its sign does not count.
    assert found.sign_accuracy == pytest.approx(2 / 3)
    assert found.absolute_error == pytest.approx(4.0 / 4)
    assert found.relative_error == pytest.approx(4.0 / 4.05)
    assert found.coverage == 0.25


def test_no_gap_is_off_by_all_of_it_and_has_no_sign() -> None:
    truth = [spread(2.0), spread(-1.0)]
    found = method_score(NO_GAP, [Statistic(0.0, NAN, NAN)] * 2, truth)
    assert found.relative_error == 1.0
    assert found.sign_accuracy == 0.0
    assert np.isnan(found.coverage)


def test_coverage_counts_both_intervals_towards_the_other() -> None:
    truth = [Statistic(0.0, -3.0, 1.0)]
    # Above the truth: the upper half of its interval counts, 1, and the lower one of the guess, 4.
    assert method_score("near", [Statistic(4.1, 0.1, 99.0)], truth).coverage == 1.0
    assert method_score("far", [Statistic(4.2, 0.2, 99.0)], truth).coverage == 0.0
    assert method_score("far", [Statistic(4.2, 0.2, 99.0)], truth).clear == 0


def test_what_was_not_measured_is_left_out() -> None:
    truth = [spread(1.0), Statistic(NAN, NAN, NAN)]
    assert method_score("guess", [spread(1.0)] * 2, truth).cells == 1
    nothing = method_score("guess", [], [])
    assert (nothing.cells, nothing.clear) == (0, 0)
    assert np.isnan([nothing.absolute_error, nothing.relative_error, nothing.coverage]).all()


def pools(prompts: int = 9) -> SamplePools:
    return pools_of(prompts, 6, 3)


def test_halves_share_no_prompt_and_take_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    own, measured, slices = pools(), [], []
    whole, real = measure_group, parametric_prediction

    def watched(part, *rest):
        measured.append(part.prompt_ids)
        return whole(part, *rest)

    def predicting(part, horizons, data_budgets, options, resampler, seen):
        slices.append((part.prompt_ids, seen.horizons, seen.data_budgets))
        return real(part, horizons, data_budgets, options, resampler, seen)

    monkeypatch.setattr(scoring, "measure_group", watched)
    monkeypatch.setattr(scoring, "parametric_prediction", predicting)
    found = score(own, HORIZONS, DATA, splits=2)
    # Nine prompts: four a half, one left out in each split.
    assert [len(names) for names in measured] == [4] * 4
    for first, second in (measured[:2], measured[2:]):
        assert not set(first) & set(second)
        assert set(first) | set(second) < set(own.prompt_ids)
    assert measured[0] != measured[2]
    # A prediction sees the smaller half of the budgets and of the n, of its own half.
    assert slices == [(names, HORIZONS[:1], DATA[:1]) for names in measured]
    assert found.held_out == ((20, 32), (40, 8), (40, 32))
    assert (found.prompts, found.splits, len(found.comparisons)) == (4, 2, 2 * 2 * 3)
    assert [method.method for method in found.methods] == list(METHODS)
    # What one direction is compared with is what the other one reuses.
    ahead, back = found.comparisons[:3], found.comparisons[3:6]
    for one, other in zip(ahead, back, strict=True):
        assert (one.horizon, one.data_budget) == (other.horizon, other.data_budget)
        assert one.measured == other.forecasts[REUSED]
        assert other.measured == one.forecasts[REUSED]
        assert one.forecasts[NO_GAP].estimate == 0.0


def test_a_half_is_forecast_as_a_table_of_its_own() -> None:
    own, options = pools(), Options(seed=5)
    found = score(own, (40,), DATA, options, splits=1).comparisons[0].forecasts[PREDICTED]
    order = np.random.default_rng([5, 4, 0]).permutation(9)
    part = selected_prompts(own, np.sort(order[:4]))
    measured = measure_group(part, (40,), options.settings(DATA))
    resampler = Resampler(4, 5, REPLICATES)
    seen = Slice.of(calibration_slice(measured), part.prompt_ids, resampler)
    draws = parametric_prediction(part, (40,), DATA, options, resampler, seen)
    assert found == pytest.approx(statistic(shrunk(draws.gap())[:, 0, 1]))


def test_the_same_prompts_twice_are_reused_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both halves alike: the reused gap is exact, so its error is that of the halves alone."""
    monkeypatch.setattr(scoring, "selected_prompts", lambda *_: pools(4))
    found = {each.method: each for each in score(pools(8), HORIZONS, DATA, splits=1).methods}
    assert found[REUSED].relative_error == 0.0
    assert found[REUSED].coverage == 1.0
    assert found[NO_GAP].relative_error == 1.0
    # The shrunk gap lies between the two.
    assert 0.0 < found[SHRUNK].relative_error < 1.0


def test_rows_of_a_selection_are_those_of_the_prompts() -> None:
    traces = pl.DataFrame(
        {
            "prompt_id": ["a", "a", "b", "c"],
            "sample_id": [0, 1, 0, 0],
            "correct": [True, False, False, True],
            "first_correct": [3, None, None, 5],
            "n_tokens": [4, 9, 7, 6],
            "text": ["one", "two", "three", "four"],
        }
    )
    (every,) = sample_pools(Traces(traces))
    kept = selected_prompts(every, np.array([0, 2]))
    (alone,) = sample_pools(Traces(traces.filter(pl.col("prompt_id") != "b")))
    for field in dataclasses.fields(alone):
        np.testing.assert_array_equal(getattr(kept, field.name), getattr(alone, field.name))


@pytest.mark.parametrize("prompts", [1, 3])
def test_too_few_prompts_are_not_compared(prompts: int) -> None:
    found = score(pools(prompts), HORIZONS, DATA)
    assert (found.prompts, found.comparisons) == (0, ())
    assert {method.cells for method in found.methods} == {0}


def test_a_grid_within_the_slice_has_nothing_to_score() -> None:
    found = score(pools(), (40,), (8,))
    assert (found.held_out, found.comparisons) == ((), ())


def test_shrinkage_is_that_of_the_least_error_where_the_noise_is_known() -> None:
    noise = np.random.default_rng(0).normal(size=(2001, 3))
    noise -= noise[1:].mean(axis=0)
    draws = np.array([0.5, 2.0, 8.0]) + noise / noise[1:].std(axis=0)
    draws[0] = [0.5, 2.0, 8.0]
    np.testing.assert_allclose(shrunk(draws)[0], [0.5 * 0.2, 2.0 * 0.8, 8.0 * 64 / 65])
    np.testing.assert_array_equal(shrunk(draws)[1:], draws[1:])
    # Never by more than half a standard error, and never past 0.
    means = np.linspace(-9, 9, 181)
    around = np.concatenate([means[None], means + np.array([[1.0], [-1.0]])])
    moved = means - shrunk(around)[0]
    assert np.abs(moved).max() == pytest.approx(0.5, abs=1e-3)
    assert (moved * means >= 0).all()
    np.testing.assert_array_equal(shrunk(means[None]), means[None])
    assert np.isnan(shrunk(np.full((3, 1), NAN))[0])
