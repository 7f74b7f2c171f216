import numpy as np
import pytest
from scipy import stats

from tests.statistics import LEVEL as RISK
from verigap.llm_validation.intervals import Resampler, bca_interval, mean_interval


def test_weights_are_multinomial_and_follow_the_seed() -> None:
    weights = Resampler(7, 3, 500).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert np.array_equal(weights, Resampler(7, 3, 500).weights)
    assert not np.array_equal(weights, Resampler(7, 4, 500).weights)
    counts = np.round(weights * 7).astype(int).ravel()
    # The number of draws of a prompt is binomial; rows are dependent only through their sum.
    expected = stats.binom.pmf(np.arange(4), 7, 1 / 7) * counts.size
    observed = np.bincount(counts, minlength=8)[:4]
    assert abs(observed - expected).max() < 6 * expected.max() ** 0.5


def test_an_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    # 400 repetitions at 95 %: a count this far off has less than the named risk.
    held = 0
    for repetition in range(400):
        values = np.random.default_rng(repetition).beta(2, 3, (40, 1))
        low, high = mean_interval(values, Resampler(40, repetition, 600))
        held += bool(low[0] <= 0.4 <= high[0])
    assert stats.binom.cdf(held, 400, 0.92) > RISK
    assert stats.binom.sf(held - 1, 400, 0.98) > RISK


def test_intervals_of_nearly_normal_means_are_students() -> None:
    values = np.random.default_rng(0).beta(8, 8, (200, 3))
    centre = values.mean(axis=0)
    reach = stats.t.ppf(0.975, 199) * values.std(axis=0, ddof=1) / 200**0.5
    resampler = Resampler(200, 1, 4000)
    influence = values - centre
    for interval in (
        mean_interval(values, resampler),
        bca_interval(centre, resampler.means(values), influence),
    ):
        np.testing.assert_allclose(centre - interval.low, reach, rtol=0.1)
        np.testing.assert_allclose(interval.high - centre, reach, rtol=0.1)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(0.0, 0.0, 0.3085), (1.0, 0.6915, 1.0), (0.5, 0.0, 1.0)]
)
def test_prompts_alike_leave_room_for_those_not_seen(value: float, low: float, high: float) -> None:
    interval = mean_interval(np.full((10, 1), value), Resampler(10, 0, 100))
    assert interval.low[0] == pytest.approx(low, abs=1e-4)
    assert interval.high[0] == pytest.approx(high, abs=1e-4)


def test_one_prompt_has_no_interval() -> None:
    assert np.isnan(mean_interval(np.array([[0.3]]), Resampler(1, 0, 100))).all()
    one = np.array([[0.3]])
    assert np.isnan(bca_interval(one[0], one, one)).all()


def test_units_do_not_matter() -> None:
    values = np.random.default_rng(1).random((30, 2)) ** 3
    resampler = Resampler(30, 5, 400)
    plain, scaled = mean_interval(values, resampler), mean_interval(64 * values, resampler, 64.0)
    np.testing.assert_allclose(np.array(scaled), 64 * np.array(plain), rtol=1e-5)
    means = resampler.means(values)
    influence = values - values.mean(axis=0)
    plain = bca_interval(values.mean(axis=0), means, influence)
    scaled = bca_interval(8 * values.mean(axis=0), 8 * means, influence)
    np.testing.assert_allclose(np.array(scaled), 8 * np.array(plain), rtol=1e-12)
    # A long right tail moves both ends to the right of the symmetric ones.
    centre = values.mean(axis=0)
    assert (plain.high - centre > centre - plain.low).all()
