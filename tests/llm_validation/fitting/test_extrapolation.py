"""pass@k near the edges and beyond the samples: known truths, seams, and what no success says."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from benchmarks.pass_at_k import CEILING, LAWS, edges, laws
from tests.statistics import LEVEL as RISK
from verigap.llm_validation.fitting.extrapolation import extrapolate, no_success_upper_end
from verigap.llm_validation.fitting.fit import GroupFit, fit
from verigap.llm_validation.fitting.power_law import power_law
from verigap.llm_validation.fitting.success_mixture import mixture
from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.traces import Traces

REPETITIONS = 100


def fitted(correct: np.ndarray, samples: np.ndarray, *pass_at: int) -> GroupFit:
    """The fit of prompts that have some of their samples correct."""
    frame = pl.DataFrame(
        {
            "prompt_id": np.repeat(np.arange(correct.size), samples),
            "correct": np.concatenate(
                [np.arange(n) < c for c, n in zip(correct, samples, strict=True)]
            ),
            "n_tokens": np.full(samples.sum(), 5),
        }
    )
    (group,) = fit(Traces(frame), [8], pass_at=pass_at, replicates=400).groups
    return group


@pytest.mark.parametrize("prompts", [15, 25, 50])
@pytest.mark.parametrize("name", ["Beta(4.5, 0.5)", "Beta(8, 2)", "5 % never, else Beta(30, 1)"])
def test_near_the_ceiling_intervals_hold_the_truth(name: str, prompts: int) -> None:
    for score in edges(CEILING[name], prompts, REPETITIONS):
        held = round(score.covered * REPETITIONS)
        assert stats.binom.cdf(held, REPETITIONS, 0.92) > RISK, (name, prompts, score)


def test_beyond_the_samples_intervals_hold_the_truth() -> None:
    """On average over laws of which no fitted family holds one."""
    names = ("Beta(0.4, 3)", "log odds N(-3, 2)", "60 % never, else Beta(0.5, 5)", "all 0.002")
    repetitions, covered = 15, []
    for name in names:
        for prompts in (30, 100):
            found = laws(LAWS[name], prompts, 8, repetitions).values()
            covered.extend(row["headline"].covered for row in found)
    # The two k of a design share their samples, so that they count once.
    trials = repetitions * len(covered) // 2
    assert stats.binom.cdf(round(np.mean(covered) * trials), trials, 0.95) > RISK, covered


@pytest.mark.parametrize("seed", range(20))
def test_the_extrapolated_curve_goes_on_from_the_measured_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.choice([16, 16, 40], 60)
    correct = rng.binomial(samples, rng.beta(0.4, 1.5, 60))
    group = fitted(correct, samples, 17, 18, 20, 10_000, 10**9)
    rows = [group.pass_at_k[k] for k in sorted(group.pass_at_k)]
    table = np.array([row.value for row in rows])
    assert (np.diff(table, axis=0) >= 0).all()
    assert (table >= 0).all()
    assert (table <= 1).all()
    before, after = table[group.measured_k - 1], table[group.measured_k]
    # One sample more adds less than a point here: no seam, neither of the estimate nor of an end.
    assert (after - before < 0.012).all()
    for row in rows:
        for model in row.models.values():
            assert row.value.low <= model.low <= model.estimate <= model.high <= row.value.high


@pytest.mark.parametrize(("prompts", "samples"), [(128, 8), (30, 16), (20, 1), (2, 5)])
def test_without_a_success_the_upper_end_is_binomial(prompts: int, samples: int) -> None:
    group = fitted(np.zeros(prompts, int), np.full(prompts, samples), 3 * samples, 1000)
    for k, row in group.pass_at_k.items():
        assert row.value.estimate == row.value.low == 0.0
        # One success probability for all prompts that leaves no success a chance of 2.5 %.
        none = stats.binom.pmf(0, prompts, row.value.high)
        if row.value.high > 1.0 - 1e-9:
            continue
        if row.extrapolated:
            chance = 1.0 - (1.0 - row.value.high) ** (1.0 / k)
            none = stats.binom.pmf(0, prompts * samples, chance)
        assert none == pytest.approx(0.025, rel=0.02)
        assert not row.models


def test_no_law_solves_more_without_a_success() -> None:
    rng = np.random.default_rng(0)
    samples = np.array([2, 5, 9, 9, 30])
    for k in (1.0, 7.0, 100.0):
        high = no_success_upper_end(samples, np.array([k]))[0]
        for _ in range(300):
            chances, weights = rng.beta(0.3, 9, 3), rng.dirichlet(np.ones(3))
            # Shrunk until no success has a chance of 2.5 %.
            scales = np.geomspace(1e-6, 1.0, 200)[:, None]
            fail = (1.0 - scales * chances)[:, None, :] ** samples[:, None] @ weights
            allowed = np.log(fail).sum(axis=1) >= np.log(0.025)
            solved = 1.0 - (1.0 - scales * chances) ** k @ weights
            assert solved[allowed].max() <= high + 1e-12


@pytest.mark.parametrize("successes", [1, 2, 4])
def test_a_few_successes_leave_nearly_as_much_open_as_none(successes: int) -> None:
    correct = (np.arange(128) < successes).astype(int)
    value = fitted(correct, np.full(128, 8), 1000).pass_at_k[1000].value
    assert value.low < value.estimate < value.high
    # Where all prompts have the same rate, the likelihood of it allows at least this.
    assert value.high > 1.0 - np.exp(-1000 * successes / 1024)


def test_prompts_alike_between_the_ends() -> None:
    group = fitted(np.full(30, 3), np.full(30, 5))
    low, high = group.mean_correct[1:]
    assert 0.5 < low < 0.55
    assert 0.6 < high < 0.66
    solved = group.pass_at_k[50].value
    assert solved.estimate > 0.99
    assert 0.85 < solved.low < solved.high == 1.0


def test_always_correct() -> None:
    group = fitted(np.full(40, 6), np.full(40, 6))
    for row in group.pass_at_k.values():
        assert row.value.estimate == row.value.high == 1.0
        assert row.value.low == pytest.approx(0.025 ** (1 / 40), abs=1e-4)


def test_a_power_law_is_found_again() -> None:
    """Prompts whose pass@k is a power law by construction, in the limit of many."""
    a, b, prompts = 1.2, 0.4, 40_000
    # E p^j from the first differences of exp(-a k^-b), k = 0 to 4, make counts of 4 samples.
    solved = np.array([0.0, *np.exp(-a * np.arange(1, 5.0) ** -b)])
    fail = 1.0 - solved
    share = [
        stats.binom.pmf(c, 4, 0.5)
        * 16
        * sum((-1) ** j * stats.binom.pmf(j, c, 0.5) * 2**c * fail[4 - c + j] for j in range(c + 1))
        for c in range(5)
    ]
    number = np.round(prompts * np.array(share)).astype(int)
    assert (number >= 0).all()
    correct = np.repeat(np.arange(5), number)
    ks = np.array([8.0, 64.0])
    law = power_law(correct, np.full(correct.size, 4), ks, Resampler(correct.size, 0, 100))
    np.testing.assert_allclose(law.estimate, np.exp(-a * ks**-b), atol=1e-3)
    assert law.values["a"] == pytest.approx(a, rel=0.01)
    assert law.values["b"] == pytest.approx(b, rel=0.01)


def test_a_mixture_stops_where_the_others_cannot_be_solved() -> None:
    rng = np.random.default_rng(1)
    correct = rng.binomial(16, np.where(np.arange(400) < 200, 0.0, rng.beta(4, 4, 400)))
    measured = float((correct > 0).mean())
    law = mixture(correct, np.full(400, 16), np.array([64.0, 1000.0]), measured)
    assert law.estimate[0] == pytest.approx(measured, abs=0.03)
    # What 16 samples cannot tell from never may be solved by 1,000; it need not.
    assert (law.low < measured + 0.01).all()
    assert law.high[0] < 0.57
    assert law.high[1] > 0.6


def test_one_sample_a_prompt_rests_on_the_mixture_alone() -> None:
    found = extrapolate(
        np.array([0, 1, 0, 1]),
        np.ones(4, int),
        np.array([2, 10]),
        Statistic(0.5, 0.1, 0.9),
        Resampler(4, 0, 100),
    )
    assert [law.name for law in found.laws] == ["mixture"]
    # Any pass@k from 0.5 (prompts always or never solved) to 1 fits one sample a prompt.
    assert found.low[1] <= 0.5
    assert found.high[1] > 0.99


def test_one_prompt_has_no_interval() -> None:
    for correct in (0, 2):
        group = fitted(np.array([correct]), np.array([4]), 9)
        assert np.isnan(group.pass_at_k[9].value[1:]).all()
        assert 0 <= group.pass_at_k[9].value.estimate <= 1
