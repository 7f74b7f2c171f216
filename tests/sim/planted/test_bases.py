"""The two base policies have one mean return and two heterogeneities."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.statistics import assert_fits
from verigap.sim.planted.automata import (
    AutomatonPolicy,
    hitting_time_pmf,
    return_law,
    sample_traces,
    select,
)
from verigap.sim.planted.bases import FAMILIES, base_competence, planted_base
from verigap.sim.planted.oracle import planted_expert
from verigap.sim.planted.task import PlantedTask, all_prompts, draw_task, first_correct

SIZES = [(2, 8, 24), (3, 4, 20)]


@cache
def drawn(symbols: int, vocabulary: int) -> PlantedTask:
    return draw_task(jax.random.key(11), symbols, vocabulary)


@cache
def base(symbols: int, vocabulary: int, horizon: int, family: str) -> AutomatonPolicy:
    task = drawn(symbols, vocabulary)
    return planted_base(task, all_prompts(task), family, horizon=horizon)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_mean_over_all_prompts_is_matched(size, family) -> None:
    law = return_law(base(*size, family))
    np.testing.assert_allclose(np.mean(law.mean), 0.4 * size[2], rtol=1e-9)
    # Yet prompts differ.
    assert np.std(law.mean) > 0.01 * size[2]


@pytest.mark.parametrize("size", SIZES)
def test_the_families_differ_in_heterogeneity_on_every_prompt(size) -> None:
    low, high = (np.asarray(return_law(base(*size, family)).sd) for family in FAMILIES)
    assert low.max() < high.min()
    assert np.median(high) > 2 * np.median(low)


def test_a_given_share_is_matched() -> None:
    task = drawn(2, 8)
    for family in FAMILIES:
        policy = planted_base(task, all_prompts(task), family, horizon=24, mean_share=0.55)
        np.testing.assert_allclose(np.mean(return_law(policy).mean), 0.55 * 24, rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_held_out_prompts_follow_the_rule_of_the_others(family) -> None:
    task = drawn(2, 8)
    rows = jnp.asarray([63, 5, 17])
    some = planted_base(task, all_prompts(task)[rows], family, horizon=24)
    same = select(base(2, 8, 24, family), rows)
    np.testing.assert_array_equal(some.next_state, same.next_state)
    np.testing.assert_array_equal(some.token_probabilities, same.token_probabilities)


@pytest.mark.parametrize("family", FAMILIES)
def test_competence_does_not_know_the_hidden_map(family) -> None:
    one, other = (draw_task(jax.random.key(seed), 2, 8) for seed in (1, 2))
    assert one.code.tolist() != other.code.tolist()
    competences = [
        base_competence(task, all_prompts(task), family, horizon=24) for task in (one, other)
    ]
    np.testing.assert_allclose(*competences, rtol=1e-8)


def test_the_schedules_have_their_shapes() -> None:
    task = drawn(3, 4)
    low, high = (
        np.asarray(base_competence(task, all_prompts(task), family, horizon=20))
        for family in FAMILIES
    )
    for competence in (low, high):
        assert ((competence >= 0) & (competence < 1)).all()
        assert len(np.unique(competence, axis=0)) == 4
    # One attempt, at the start, of uneven competence.
    assert (high[:, :6] > 0).all()
    assert (high[:, 6:] == 0).all()
    assert (high[:, :6].std(axis=1) > 0.1).all()
    # Nothing, then near certainty until the end, from a position that varies.
    closed = (low == 0).sum(axis=1)
    assert closed.min() >= 1
    assert closed.max() - closed.min() >= 2
    for row, start in zip(low, closed, strict=True):
        assert (row[:start] == 0).all()
        assert (row[start + 1 :] >= 0.9).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mean_below_chance_is_refused(family) -> None:
    task = drawn(2, 8)
    with pytest.raises(ValueError, match=r"H = 128 chance alone returns 0\.567 H, more than 0\.4"):
        planted_base(task, all_prompts(task), family, horizon=128)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mean_out_of_reach_is_refused(family) -> None:
    task = drawn(3, 4)
    with pytest.raises(ValueError, match=r"returns at most .* H, less than 0\.95 H"):
        planted_base(task, all_prompts(task), family, horizon=20, mean_share=0.95)


def test_an_unknown_family_is_refused() -> None:
    task = drawn(2, 8)
    with pytest.raises(ValueError, match="unknown family 'middling'"):
        planted_base(task, all_prompts(task), "middling", horizon=24)


@pytest.mark.parametrize("family", FAMILIES)
def test_single_precision_matches_the_mean(family) -> None:
    with jax.enable_x64(False):
        task = draw_task(jax.random.key(11), 2, 8)
        policy = planted_base(task, all_prompts(task), family, horizon=24)
        law = return_law(policy)
    assert law.probabilities.dtype == jnp.float32
    np.testing.assert_allclose(np.mean(law.mean), 0.4 * 24, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tilt", [False, True])
def test_verified_samples_follow_the_exact_law(family, tilt) -> None:
    """Sampler and verifier together, against the law that uses neither."""
    task, policy = drawn(2, 8), base(2, 8, 24, family)
    policy = planted_expert(policy, 1.0)[0] if tilt else policy
    draws = 30_000
    rows = jax.random.randint(jax.random.key(5), (draws,), 0, 64)
    traces = sample_traces(jax.random.key(6), policy, rows)
    hits = np.asarray(first_correct(task, all_prompts(task)[rows], traces))
    seen = np.bincount(hits, minlength=26)[1:]
    expected = np.asarray(hitting_time_pmf(policy)[rows]).sum(axis=0)
    common = expected >= 10
    assert seen[expected == 0].sum() == 0
    counts, mean = (np.append(x[common], x[~common].sum()) for x in (seen, expected))
    kept = mean > 1e-6
    statistic = ((counts - mean)[kept] ** 2 / mean[kept]).sum()
    # Given which prompts were drawn, counts vary less than multinomial ones: conservative.
    assert_fits(stats.chi2.sf(statistic, kept.sum() - 1), f"{family}, tilted {tilt}")
