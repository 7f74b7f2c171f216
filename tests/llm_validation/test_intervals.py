import numpy as np
import pytest
from scipy import stats

from tests.statistics import LEVEL as RISK
from verigap.llm_validation import intervals
from verigap.llm_validation.intervals import (
    Resampler,
    bca_interval,
    mean_interval,
    student_spread,
)


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
    interval = bca_interval(centre, resampler.means(values), influence)
    np.testing.assert_allclose(centre - interval.low, reach, rtol=0.1)
    np.testing.assert_allclose(interval.high - centre, reach, rtol=0.1)
    # That of a bounded mean is wider by what one prompt more could add, on the average 1/201 of
    # the way to the end of the range.
    bounded = mean_interval(values, resampler)
    for side, room in ((centre - bounded.low, centre), (bounded.high - centre, 1.0 - centre)):
        assert (side > reach).all()
        np.testing.assert_allclose(side, reach + room / 201, rtol=0.1)


@pytest.mark.parametrize("prompts", [10, 30, 200])
@pytest.mark.parametrize("value", [0.0, 0.6, 1.0])
def test_prompts_alike_leave_room_for_those_not_seen(prompts: int, value: float) -> None:
    interval = mean_interval(np.full((prompts, 1), value), Resampler(prompts, 0, 400))
    unlike = 1.0 - 0.025 ** (1.0 / prompts)
    assert interval.low[0] == pytest.approx(value * (1.0 - unlike), abs=1e-4)
    assert interval.high[0] == pytest.approx(value + (1.0 - value) * unlike, abs=1e-4)


@pytest.mark.parametrize(("right", "prompts"), [(1, 12), (9, 30), (20, 40), (48, 50)])
def test_of_zeros_and_ones_it_is_the_binomial_interval(right: int, prompts: int) -> None:
    values = np.repeat([1.0, 0.0], [right, prompts - right])[:, None]
    interval = mean_interval(values, Resampler(prompts, 3, 100_000))
    exact = stats.binomtest(right, prompts).proportion_ci(0.95, method="exact")
    assert interval.low[0] == pytest.approx(exact.low, abs=0.003)
    assert interval.high[0] == pytest.approx(exact.high, abs=0.003)


def test_ends_of_bounded_means_keep_the_order_of_the_values_and_the_range() -> None:
    rng = np.random.default_rng(2)
    smaller = rng.beta(0.3, 0.2, (25, 1))
    columns = np.concatenate([smaller, smaller**0.5, smaller**0.1, np.ones((25, 1))], axis=1)
    for upper in (1.0, 0.5):
        low, high = mean_interval(upper * columns, Resampler(25, 0, 300), upper)
        assert (np.diff(low) >= 0).all()
        assert (np.diff(high) >= 0).all()
        assert (low >= 0).all()
        assert (high <= upper).all()


def test_what_rounding_leaves_of_nothing_is_nothing() -> None:
    # A column that is mostly 0: many replicates do not hold the one prompt that is not.
    values = np.zeros((12, 2))
    values[3] = [0.1, 1.13]
    means = Resampler(12, 0, 400).means(values)
    assert (np.abs(means[means != 0]) > 1e-3).all()
    replicates = np.where(means > 0, means, -8.88e-16)
    low, high = bca_interval(values.mean(axis=0), replicates, values)
    assert low.tolist() == [0.0, 0.0]
    assert (high > 0.01).all()


def test_one_prompt_has_no_interval() -> None:
    assert np.isnan(mean_interval(np.array([[0.3]]), Resampler(1, 0, 100))).all()
    one = np.array([[0.3]])
    assert np.isnan(bca_interval(one[0], one, one)).all()


@pytest.mark.parametrize("prompts", [2, 5, 40])
def test_without_bias_and_skewness_ends_are_expanded_percentiles(prompts: int) -> None:
    """Of replicates that are quantiles of a normal law, the ends are its quantiles too."""
    size = 200_001
    replicates = stats.norm.ppf((np.arange(size) + 0.5) / size)[:, None]
    reach = stats.t.ppf(0.975, prompts - 1) * (prompts / (prompts - 1)) ** 0.5
    for influence in (np.zeros((prompts, 1)), np.linspace(-1.0, 1.0, prompts)[:, None]):
        low, high = bca_interval(np.zeros(1), replicates, influence)
        if reach < 3.5:
            assert high[0] == pytest.approx(reach, rel=1e-3)
        assert low[0] == pytest.approx(-high[0])


def test_ends_move_with_bias_and_skewness() -> None:
    """The formulas of Efron 1987 for replicates of a normal law that is off by half an sd."""
    size, bias = 200_001, 0.5
    replicates = stats.norm.ppf((np.arange(size) + 0.5) / size)[:, None]
    influence = np.array([[-1.0], [-1.0], [-1.0], [-1.0], [0.0], [0.0], [0.0], [4.0]])
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    reach = stats.t.ppf(0.975, 7) * (8 / 7) ** 0.5
    interval = bca_interval(np.array([bias]), replicates, influence)
    for sign, end in zip((-1, 1), interval, strict=True):
        moved = bias + sign * reach
        expected = bias + moved / (1 - acceleration * moved)
        if abs(expected) < 3.5:
            assert end[0] == pytest.approx(expected, rel=1e-3)


def test_fewer_replicates_for_more_prompts() -> None:
    sizes = [Resampler(prompts, 0).size for prompts in (1, 10_000, 20_000, 50_000, 10**6)]
    assert sizes == [2000, 2000, 1000, 400, 400]
    assert Resampler(10, 0, 123).size == 123


def test_weights_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Resampler(7, 3, 60).weights
    monkeypatch.setattr(intervals, "_BLOCK", 70)
    assert np.array_equal(whole, Resampler(7, 3, 60).weights)


def test_uniform_weights_are_those_of_the_simplex() -> None:
    """Each weight is Beta(1, P - 1), and that of one prompt more is Beta(1, P)."""
    found = Resampler(4, 0, 4000)
    np.testing.assert_allclose(found.uniform_weights.sum(axis=1), 1.0, rtol=1e-6)
    assert stats.kstest(found.uniform_weights[:, 0], stats.beta(1, 3).cdf).pvalue > RISK
    # Stratified: every quantile once.
    levels = np.sort(stats.beta(1, 4).cdf(found.unseen))
    np.testing.assert_allclose(levels, (np.arange(4000) + 0.5) / 4000, atol=1e-9)


def test_how_much_wider_intervals_of_few_units_are() -> None:
    for units in (2, 10, 1000):
        ratio = stats.t.ppf(0.975, units - 1) / stats.norm.ppf(0.975)
        assert student_spread(units) == pytest.approx(ratio * (units / (units - 1)) ** 0.5)
    assert student_spread(1) == 1.0


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
