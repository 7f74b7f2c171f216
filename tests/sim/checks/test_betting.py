"""The test of a mean is valid at every level, on what the t test is not, and finds what is false.

Sizes are sums over all outcomes, not simulated: a level of 1e-7 cannot be.
"""

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from verigap.sim.checks.betting import BoundedMean, mean_limits, mean_p_values
from verigap.sim.checks.claims import claims
from verigap.theory import BOUNDS

LEVELS = (1e-3, 1e-5, 1e-7)
SHARES = (1e-6, 1e-5, 1e-4, 1e-3, 0.0103, 0.0143, 0.0159, 0.1, 0.5)
BETS = [1.0, 0.875, 0.75, *(0.5**k for k in range(1, 11))]


def sample(draws: Any, *, lower: bool = True, favourable: float | None = None) -> BoundedMean:
    """Replicates in [0, 1] as the test sees them."""
    draws = np.asarray(draws, float)
    end = (1.0 if lower else 0.0) if favourable is None else favourable
    return BoundedMean(
        mean=float(draws.mean()),
        variance=float(draws.var(ddof=1)),
        replicates=len(draws),
        favourable=end,
        lower=lower,
        tolerance=1e-12,
    )


def two_valued(replicates: int, values: tuple[float, float], *, lower: bool) -> list[BoundedMean]:
    """The samples with 0, 1, ..., all replicates at the second value."""
    share = np.arange(replicates + 1) / replicates
    means = values[0] + share * (values[1] - values[0])
    unbiased = replicates / (replicates - 1)
    variances = share * (1 - share) * (values[1] - values[0]) ** 2 * unbiased
    return [
        BoundedMean(
            mean=float(mean),
            variance=float(variance),
            replicates=replicates,
            favourable=1.0 if lower else 0.0,
            lower=lower,
            tolerance=1e-12,
        )
        for mean, variance in zip(means, variances, strict=True)
    ]


def t_test_p_values(samples: list[BoundedMean], bound: float) -> np.ndarray:
    """A t test with one more replicate at the favourable end, which is not valid."""
    found = []
    for each in samples:
        count, gap = each.replicates + 1, each.favourable - each.mean
        spread = (each.replicates - 1) * each.variance + gap**2 * each.replicates / count
        error = np.sqrt(spread / each.replicates / count)
        excess = (each.mean + gap / count - bound) * (1 if each.lower else -1)
        found.append(special.stdtr(each.replicates, excess / error) if error else excess >= 0)
    return np.asarray(found, float)


def size(p_values: np.ndarray, replicates: int, share: float, level: float) -> float:
    """How often a true bound, met with equality, is rejected."""
    mass = stats.binom.pmf(np.arange(replicates + 1), replicates, share)
    return float(mass[p_values <= level].sum())


@pytest.mark.parametrize("replicates", [2, 20, 400, 4000])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("values", [(0.0, 1.0), (1.0, 0.0), (0.3, 0.9)])
def test_size_on_two_valued_risks(
    replicates: int, lower: bool, values: tuple[float, float]
) -> None:
    samples = two_valued(replicates, values, lower=lower)
    for share in SHARES:
        mean = values[0] + share * (values[1] - values[0])
        found = mean_p_values(samples, np.full(len(samples), mean))
        for level in LEVELS:
            assert size(found, replicates, share, level) <= level


# The share of the rare value that is worst for the t test, and how often it rejects there.
@pytest.mark.parametrize(
    ("level", "share", "times"), [(1e-3, 0.0103, 15), (1e-5, 0.0143, 300), (1e-7, 0.0159, 16_000)]
)
def test_the_t_test_rejects_true_bounds_many_times_too_often(
    level: float, share: float, times: float
) -> None:
    samples = two_valued(400, (0.0, 1.0), lower=True)
    assert size(t_test_p_values(samples, share), 400, share, level) > times * level
    betting = mean_p_values(samples, np.full(len(samples), share))
    assert size(betting, 400, share, level) <= 0.01 * level


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (0.05, 0.05), (0.3, 0.01), (0.02, 0.9)])
def test_size_on_gaps(first: float, second: float) -> None:
    replicates = 60
    count = np.arange(replicates + 1)
    mean, spread = count / replicates, count * (replicates - count) / replicates
    samples = [
        BoundedMean(
            mean=mean[i] - mean[j],
            variance=(spread[i] + spread[j]) / (replicates - 1),
            replicates=replicates,
            favourable=1.0,
            lower=True,
            tolerance=1e-12,
        )
        for i, j in product(count, count)
    ]
    found = mean_p_values(samples, np.full(len(samples), first - second))
    mass = np.outer(
        stats.binom.pmf(count, replicates, first), stats.binom.pmf(count, replicates, second)
    ).ravel()
    for level in (0.05, *LEVELS):
        assert mass[found <= level].sum() <= level


def cell(draws: np.ndarray, prompts: int, **more: Any) -> dict[str, Any]:
    """A stored cell of a population of prompts of returns 0 and 1, with two learners."""
    return {
        "cell": "c", "game": "other", "horizon": 1.0, "replicates": draws.shape[-1],
        "atoms": [[0.0, 1.0]] * prompts, "failure_probability": 0.05,
        "learners": [
            {
                "learner": name, "mean": row.mean(), "variance": row.var(ddof=1),
                "total_variance": row.var(ddof=1),
            }
            for name, row in zip(("vf-bayes", "vb-pessimism"), draws, strict=True)
        ],
    } | more  # fmt: skip


@pytest.mark.parametrize("replicates", [2, 4])
def test_size_where_replicates_end_in_the_midst_of_the_prompts(replicates: int) -> None:
    prompts = 3
    # Cloning and verification fail on different prompts, the worst case for their difference.
    failing = np.asarray([[0.9, 0.5, 0.0], [0.0, 0.1, 0.8]])
    bounds = {"VF-LOWER": failing[0].mean(), "SEPARATION": float((failing[0] - failing[1]).mean())}
    found: dict[str, list[BoundedMean]] = {name: [] for name in bounds}
    mass = []
    for order in permutations(range(prompts)):
        turn = [order[i % prompts] for i in range(replicates)]
        for outcome in product((0.0, 1.0), repeat=2 * replicates):
            draws = np.reshape(outcome, (2, replicates))
            mass.append(np.where(draws == 1, failing[:, turn], 1 - failing[:, turn]).prod() / 6)
            for name, bound in bounds.items():
                (claim, *_) = claims(BOUNDS[name], cell(draws, prompts), bound, (0.0, 1.0))
                assert isinstance(claim.evidence, BoundedMean)
                found[name].append(claim.evidence)
    likely = np.asarray(mass)
    assert likely.sum() == pytest.approx(1.0)
    for name, bound in bounds.items():
        p_values = mean_p_values(found[name], np.full(len(likely), bound))
        for level in np.unique(p_values):
            assert likely[p_values <= level].sum() <= level + 1e-12


def test_what_a_gap_is_held_against() -> None:
    draws = np.asarray([[2.0, 4.0, 3.0, 3.0], [0.0, 1.0, 0.0, 1.0]])
    first, second = draws.var(axis=1, ddof=1)
    # Four replicates are two rounds of two prompts, and end in the midst of three.
    apart, on_one_prompt = first + second, (first**0.5 + second**0.5) ** 2
    for prompts, expected in ((2, apart), (3, on_one_prompt)):
        (claim,) = claims(BOUNDS["SEPARATION"], cell(draws, prompts), 1.0, (-8.0, 24.0))
        assert isinstance(claim.evidence, BoundedMean)
        assert claim.evidence.variance == pytest.approx(expected)
        # From the largest risk of one to the smallest of the other.
        assert (claim.evidence.mean, claim.evidence.favourable) == (2.5, 32.0)


def test_runs_without_the_variance_over_all_prompts() -> None:
    draws = np.asarray([[0.2, 0.4, 0.3, 0.3], [0.0, 0.1, 0.0, 0.1]])
    for prompts, used in ((1, 4), (2, 4), (3, 0)):
        row = cell(draws, prompts)
        for entry in row["learners"]:
            del entry["total_variance"]
        (claim, *_) = claims(BOUNDS["VF-LOWER"], row, 0.5, (0.0, 1.0))
        assert isinstance(claim.evidence, BoundedMean)
        assert claim.evidence.replicates == used
        # The largest that risks of this mean in [0, 1] can have, or that of the only prompt.
        largest = 0.3 * 0.7 * 4 / 3
        expected = draws[0].var(ddof=1) if prompts == 1 else largest
        assert claim.evidence.variance == pytest.approx(expected)
        assert (mean_p_values([claim.evidence], np.asarray([0.99]))[0] < 1) == (used > 0)
        assert np.isinf(mean_limits([claim.evidence], 0.5)[0]) == (used == 0)


def capital(draws: np.ndarray, bound: float, end: float) -> float:
    """What betting on the replicates themselves leaves."""
    return float(np.mean([np.prod(1 + f * (bound - draws) / (end - bound)) for f in BETS]))


risks = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8)


@given(risks, st.floats(0.01, 0.99))
def test_the_moments_promise_no_more_than_the_replicates_earn(
    draws: list[float], bound: float
) -> None:
    for lower in (True, False):
        found = mean_p_values([sample(draws, lower=lower)], np.asarray([bound]))[0]
        turned = np.asarray(draws) if lower else 1 - np.asarray(draws)
        earned = capital(turned, bound if lower else 1 - bound, 1.0)
        assert 1 / found <= max(earned, 1.0) * (1 + 1e-6)


@given(st.integers(0, 12), st.floats(0.0, 0.9), st.floats(0.01, 0.99))
def test_nothing_is_lost_where_one_of_two_values_is_the_end(
    hits: int, other: float, bound: float
) -> None:
    draws = np.asarray([1.0] * hits + [other] * (12 - hits))
    found = mean_p_values([sample(draws)], np.asarray([bound]))[0]
    assert 1 / found == pytest.approx(max(capital(draws, bound, 1.0), 1.0), rel=1e-6)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
    st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
    st.floats(-0.9, 0.9),
)
def test_a_gap_promises_no_more_than_all_pairings_earn_on_average(
    cloning: list[float], verified: list[float], bound: float
) -> None:
    row = cell(np.asarray([cloning, verified]), 1)
    (claim,) = claims(BOUNDS["SEPARATION"], row, bound, (0.0, 1.0))
    assert isinstance(claim.evidence, BoundedMean)
    found = mean_p_values([claim.evidence], np.asarray([bound]))[0]
    earned = np.mean(
        [
            capital(np.asarray(cloning) - np.asarray(paired), bound, 1.0)
            for paired in permutations(verified)
        ]
    )
    assert 1 / found <= max(earned, 1.0) * (1 + 1e-6)


def test_replicates_that_all_agree() -> None:
    def of_zeros(replicates: int, bound: float) -> float:
        return float(mean_p_values([sample([0.0] * replicates)], np.asarray([bound]))[0])

    # 100 zeros leave room for a mean of 1/100 of the range, not of a half.
    assert of_zeros(100, 1e-4) > 0.9
    assert of_zeros(100, 0.5) < 1e-20
    # One that is sure to be right may be met with equality, at the end of the range too.
    ones = sample([1.0] * 100)
    assert mean_p_values([ones], np.asarray([1.0]))[0] == 1.0
    assert mean_p_values([ones], np.asarray([1.1]))[0] == 0.0


def needed(share: float, bound: float, level: float, *, lower: bool, betting: bool) -> int:
    """Replicates from which a wrong bound on a two-valued risk is rejected at its moments."""

    def rejected(count: int) -> bool:
        variance = share * (1 - share) * count / (count - 1)
        end = 1.0 if lower else 0.0
        each = BoundedMean(
            mean=share, variance=variance, replicates=count, favourable=end, lower=lower,
            tolerance=1e-12,
        )  # fmt: skip
        if betting:
            return bool(mean_p_values([each], np.asarray([bound]))[0] <= level)
        return bool(t_test_p_values([each], bound)[0] <= level)

    few, many = 2, 4
    while not rejected(many):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if rejected(middle) else (middle, many)
    return many


@pytest.mark.parametrize(
    ("share", "bound", "lower", "more"),
    [
        # What ten per cent of a bound take, at a level of 1e-7.
        (0.5, 0.55, True, 1.48),
        (0.5, 0.45, False, 1.48),
        (0.01, 0.011, True, 1.60),
        (0.01, 0.009, False, 1.29),
        # The t test rejects too early where it is not valid, and too late where a rare value
        # favours the bound.
        (0.01, 0.02, True, 2.01),
        (0.01, 0.002, False, 0.55),
        (0.9, 0.99, True, 0.41),
    ],
)
def test_replicates_beside_those_of_the_t_test(
    share: float, bound: float, lower: bool, more: float
) -> None:
    ours, theirs = (
        needed(share, bound, 1e-7, lower=lower, betting=betting) for betting in (True, False)
    )
    assert ours / theirs == pytest.approx(more, abs=0.01)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("replicates", [100, 400, 4000])
def test_limits_are_nearer_than_by_maurer_and_pontil(level: float, replicates: int) -> None:
    for share in (0.0, *SHARES):
        for variance in (share * (1 - share), 0.1 * share * (1 - share)):
            each = BoundedMean(
                mean=share, variance=variance, replicates=replicates, favourable=1.0, lower=True,
                tolerance=1e-12,
            )  # fmt: skip
            needed = np.log(2 / level)
            theirs = np.sqrt(2 * variance * needed / replicates) + 7 * needed / 3 / (replicates - 1)
            assert mean_limits([each], level)[0] - share < theirs


@given(risks, st.sampled_from(LEVELS))
def test_limits_are_where_rejection_begins(draws: list[float], level: float) -> None:
    for lower, away in ((True, 1), (False, -1)):
        each = sample(draws, lower=lower)
        limit = mean_limits([each], level)
        assert mean_p_values([each], limit)[0] <= level
        assert mean_p_values([each], limit - away * 1e-9)[0] > level * (1 - 1e-3)


def test_samples_are_tested_alike_together_and_alone() -> None:
    random = np.random.default_rng(0)
    several = [
        sample(random.random(count), lower=bool(count % 2), favourable=2.0 if count % 2 else -1.0)
        for count in range(2, 12)
    ]
    bounds = random.random(len(several))
    together = mean_p_values(several, bounds)
    alone = [mean_p_values([e], np.asarray([b]))[0] for e, b in zip(several, bounds, strict=True)]
    np.testing.assert_array_equal(together, alone)
    alone = [mean_limits([each], 1e-3)[0] for each in several]
    np.testing.assert_array_equal(mean_limits(several, 1e-3), alone)
