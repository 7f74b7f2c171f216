"""Laws, samples and reweightings of automaton policies against plain enumeration."""

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.planted import brute_force as brute
from tests.statistics import assert_fits
from verigap.sim.planted.automata import (
    AutomatonPolicy,
    block_automaton,
    doob_transform,
    hitting_time_pmf,
    log_probabilities,
    procedural_policy,
    return_law,
    sample_traces,
    select,
    truncate,
)
from verigap.sim.planted.oracle import (
    oracle_table,
    planted_expert,
    reference_heterogeneity,
    summarise,
)
from verigap.sim.planted.task import PlantedTask, all_prompts, blocks
from verigap.theory import saturation_radius

SHAPES = [(3, 2, 6), (2, 3, 5), (3, 2, 2)]
"""k, V, H; blocks such as aa, aab and aba among them, and one horizon too short for any."""


class Game(NamedTuple):
    """A policy on every prompt of a small task, and the exact probabilities of its traces."""

    policy: AutomatonPolicy
    wanted: list[list[int]]
    masses: list[dict[brute.Tokens, Fraction]]

    @property
    def return_pmfs(self) -> list[list[Fraction]]:
        return [brute.return_pmf(*pair) for pair in zip(self.wanted, self.masses, strict=True)]


@cache
def game(symbols: int, vocabulary: int, horizon: int) -> Game:
    """Competences in eighths, 0 and 1 included, that differ by prompt and position."""
    task = PlantedTask(jnp.roll(jnp.arange(vocabulary, dtype=jnp.int32), 1), symbols)
    prompts = all_prompts(task)
    eighths = np.random.default_rng(7).integers(0, 9, (len(prompts), horizon))
    eighths[0] = 0
    policy = procedural_policy(task, prompts, jnp.asarray(eighths / 8))
    wanted = blocks(task, prompts).tolist()
    masses = [
        brute.trace_probabilities(block, [Fraction(int(e), 8) for e in row], vocabulary)
        for block, row in zip(wanted, eighths, strict=True)
    ]
    return Game(policy, wanted, masses)


def policy_masses(policy: AutomatonPolicy, vocabulary: int) -> np.ndarray:
    """Probability of every trace on every prompt, shape (prompts, V^H), from log-probabilities."""
    listed = jnp.asarray(brute.traces(vocabulary, policy.horizon), jnp.int32)

    def one(row: jax.Array) -> jax.Array:
        rows = jnp.full(listed.shape[0], row)
        return jnp.exp(jnp.sum(log_probabilities(policy, rows, listed), axis=-1))

    return np.stack([one(row) for row in jnp.arange(policy.next_state.shape[0])])


def weighted(values: list[Fraction], weights: list[Fraction]) -> Fraction:
    return sum((v * w for v, w in zip(values, weights, strict=True)), Fraction(0))


@pytest.mark.parametrize(("symbols", "vocabulary"), [(1, 2), (2, 2), (4, 2), (3, 3)])
def test_the_automaton_remembers_the_longest_matching_suffix(symbols, vocabulary) -> None:
    task = PlantedTask(jnp.arange(vocabulary, dtype=jnp.int32), symbols)
    prompts = all_prompts(task)
    table = np.asarray(block_automaton(prompts, vocabulary))
    for block, next_state in zip(prompts.tolist(), table, strict=True):
        for trace in brute.traces(vocabulary, 6):
            state = 0
            for length, token in enumerate(trace, start=1):
                state = next_state[state, token]
                assert state == brute.matched(block, trace[:length]), (block, trace[:length])


@pytest.mark.parametrize("shape", SHAPES)
def test_trace_probabilities_are_exact(shape) -> None:
    case = game(*shape)
    listed = brute.traces(shape[1], shape[2])
    exact = [[float(mass[trace]) for trace in listed] for mass in case.masses]
    np.testing.assert_allclose(policy_masses(case.policy, shape[1]), exact, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_hitting_time_law_is_exact(shape) -> None:
    case = game(*shape)
    exact = np.asarray(case.return_pmfs, float)
    np.testing.assert_allclose(hitting_time_pmf(case.policy), exact[:, ::-1], atol=1e-15)
    law = return_law(case.policy)
    np.testing.assert_array_equal(law.support, np.arange(shape[2] + 1))
    np.testing.assert_allclose(law.probabilities, exact, atol=1e-15)


def test_waiting_for_heads_heads_takes_longer_than_for_heads_tails() -> None:
    task = PlantedTask(jnp.arange(2, dtype=jnp.int32), 2)
    policy = procedural_policy(task, jnp.asarray([[0, 0], [0, 1]]), jnp.zeros((2, 400)))
    waits = np.asarray(hitting_time_pmf(policy))[:, :-1] @ np.arange(1, 401)
    np.testing.assert_allclose(waits, [6.0, 4.0])


@given(
    shape=st.sampled_from(SHAPES[:2]),
    seed=st.integers(0, 1_000),
    zeros=st.sampled_from([0.0, 0.5, 0.9]),
)
def test_reweighting_multiplies_every_trace_by_its_weight(shape, seed, zeros) -> None:
    case = game(*shape)
    rng = np.random.default_rng(seed)
    pmf = np.asarray(case.return_pmfs, float)
    weights = rng.exponential(size=pmf.shape) * (rng.random(pmf.shape) >= zeros)
    best = pmf.shape[1] - 1 - np.argmax(pmf[:, ::-1] > 0, axis=1)
    weights[np.arange(len(pmf)), best] += 0.1
    weights /= (pmf * weights).sum(axis=1, keepdims=True)
    tilted = doob_transform(case.policy, jnp.asarray(weights))
    listed = brute.traces(shape[1], shape[2])
    exact = [
        [float(mass[t]) * weight[brute.trace_return(block, t)] for t in listed]
        for block, mass, weight in zip(case.wanted, case.masses, weights, strict=True)
    ]
    np.testing.assert_allclose(policy_masses(tilted, shape[1]), exact, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(tilted.token_probabilities.sum(axis=-1), 1.0, rtol=1e-13)
    np.testing.assert_allclose(return_law(tilted).probabilities, pmf * weights, atol=1e-14)


def test_equal_weights_change_nothing() -> None:
    policy = game(2, 3, 5).policy
    same = doob_transform(policy, jnp.full((9, 6), 3.0))
    np.testing.assert_allclose(same.token_probabilities, policy.token_probabilities, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_small_ball_has_the_linear_tilt_of_every_trace(shape) -> None:
    case = game(*shape)
    listed = brute.traces(shape[1], shape[2])
    # Within the range where the ceiling mean + sd sqrt(kappa) is attained.
    radius = 1e-3
    expert, constants = planted_expert(case.policy, radius)
    drawn = policy_masses(expert, shape[1])
    support = [Fraction(r) for r in range(shape[2] + 1)]
    for row, (block, mass) in enumerate(zip(case.wanted, case.masses, strict=True)):
        pmf = case.return_pmfs[row]
        mean = weighted(support, pmf)
        variance = weighted([(r - mean) ** 2 for r in support], pmf)
        sd = float(variance) ** 0.5
        slope = radius**0.5 / sd
        exact = [
            float(mass[t]) * (1 + slope * (brute.trace_return(block, t) - float(mean)))
            for t in listed
        ]
        np.testing.assert_allclose(drawn[row], exact, rtol=1e-10, atol=1e-16)
        np.testing.assert_allclose(constants.value[row], float(mean) + radius**0.5 * sd)
        base = np.asarray([float(mass[t]) for t in listed])
        seen = base > 0
        np.testing.assert_allclose((drawn[row][seen] ** 2 / base[seen]).sum(), 1 + radius)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_large_ball_conditions_on_the_best_return(shape) -> None:
    case = game(*shape)
    listed = brute.traces(shape[1], shape[2])
    radius = 1.01 * float(saturation_radius(return_law(case.policy)).max())
    drawn = policy_masses(planted_expert(case.policy, radius)[0], shape[1])
    for row, (block, mass) in enumerate(zip(case.wanted, case.masses, strict=True)):
        best = max(r for r, p in enumerate(case.return_pmfs[row]) if p > 0)
        share = case.return_pmfs[row][best]
        exact = [
            float(mass[t] / share) if brute.trace_return(block, t) == best else 0.0 for t in listed
        ]
        np.testing.assert_allclose(drawn[row], exact, rtol=1e-12, atol=1e-16)


def test_heterogeneity_follows_its_definition() -> None:
    """Sum over steps of E_pi Var_a Q^nu, from every prefix, for a nu that is another policy."""
    case = game(2, 3, 5)
    sixteenths = np.random.default_rng(8).integers(0, 16, (9, 5))
    task = PlantedTask(jnp.arange(3, dtype=jnp.int32), 2)
    wanted = jnp.asarray(case.wanted)
    reference = procedural_policy(task, wanted, jnp.asarray(sixteenths / 16))
    measured = reference_heterogeneity(case.policy, reference)
    for row, (block, mass) in enumerate(zip(case.wanted, case.masses, strict=True)):
        values = brute.mean_returns(
            block,
            brute.trace_probabilities(block, [Fraction(int(c), 16) for c in sixteenths[row]], 3),
        )
        reached = brute.prefix_probabilities(mass)
        squared = Fraction(0)
        for prefix in (p for p in reached if len(p) < 5):
            children = [(*prefix, token) for token in range(3)]
            q = [values[child] for child in children]
            joint = [reached[child] for child in children]
            if reached[prefix]:
                mean = weighted(q, joint) / reached[prefix]
                squared += weighted([(v - mean) ** 2 for v in q], joint)
        np.testing.assert_allclose(measured[row], float(squared) ** 0.5, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_policy_as_its_own_reference_has_the_sd_of_its_return(shape) -> None:
    policy = game(*shape).policy
    sd = return_law(policy).sd
    np.testing.assert_allclose(reference_heterogeneity(policy, policy), sd, atol=1e-7)


@pytest.mark.parametrize("radius", [0.1, 1.0, 10.0])
def test_the_oracle_is_consistent(radius: float) -> None:
    policy = game(2, 3, 5).policy
    table = oracle_table(policy, radius)
    law = return_law(policy)
    np.testing.assert_allclose(table.mean, law.mean)
    np.testing.assert_allclose(table.sd, law.sd)
    reached = return_law(planted_expert(policy, radius)[0])
    np.testing.assert_allclose(table.expert_value, reached.mean)
    np.testing.assert_allclose(table.expert_sd, reached.sd, atol=1e-7)
    assert (np.asarray(table.anti_concentration) <= np.asarray(table.level_coverage)).all()
    assert (np.asarray(table.level_coverage) <= np.asarray(table.top_share) + 1e-12).all()
    level = np.asarray(law.mean + law.sd * radius**0.5)
    above = np.asarray(law.support) >= level[:, None]
    exact = (np.asarray(law.probabilities) * above).sum(axis=1)
    np.testing.assert_allclose(table.anti_concentration, exact, atol=1e-14)


def test_the_summary_averages_the_table() -> None:
    table = oracle_table(game(2, 3, 5).policy, 1.0)
    summary = summarise(table, 5)
    assert summary.mean == pytest.approx(np.mean(table.mean) / 5)
    assert summary.median_sd == pytest.approx(np.median(table.sd) / 5)
    cross = np.median(table.cross_heterogeneity) / 5
    assert summary.median_cross_heterogeneity == pytest.approx(cross)
    assert summary.expert_value == pytest.approx(np.mean(table.expert_value) / 5)
    assert summary.median_anti_concentration == np.median(table.anti_concentration)
    assert summary.least_level_coverage == np.min(table.level_coverage)
    assert summary.least_top_share == np.min(table.top_share)


@pytest.mark.parametrize("tilt", [False, True])
def test_samples_follow_the_exact_law_of_traces(tilt: bool) -> None:
    case = game(2, 3, 5)
    policy = planted_expert(case.policy, 0.5)[0] if tilt else case.policy
    listed = brute.traces(3, 5)
    masses = policy_masses(policy, 3)
    draws = 20_000
    for row in (0, 3, 5):
        rows = jnp.full(draws, row)
        traces = np.asarray(sample_traces(jax.random.key(row), policy, rows))
        counts = np.bincount(traces @ 3 ** np.arange(4, -1, -1), minlength=len(listed))
        possible = masses[row] > 0
        assert counts[~possible].sum() == 0
        common = possible & (masses[row] * draws >= 5)
        seen = np.append(counts[common], counts[~common].sum())
        expected = np.append(masses[row][common], 1 - masses[row][common].sum()) * draws
        kept = expected > 1e-6
        fit = stats.chisquare(seen[kept], expected[kept] * seen.sum() / expected[kept].sum())
        assert_fits(fit, f"prompt {row}, tilted {tilt}")


def test_rows_of_a_sample_belong_to_their_prompts() -> None:
    task = PlantedTask(jnp.asarray([1, 2, 0], jnp.int32), 2)
    prompts = all_prompts(task)
    policy = procedural_policy(task, prompts, jnp.ones((9, 5)))
    rows = jnp.asarray([8, 0, 5, 5])
    traces = sample_traces(jax.random.key(0), policy, rows)
    np.testing.assert_array_equal(traces[:, :2], blocks(task, prompts)[rows])
    chosen = log_probabilities(policy, rows, traces)
    np.testing.assert_allclose(chosen, np.log([[1, 1, 1 / 3, 1 / 3, 1 / 3]] * 4), atol=1e-15)
    wrong = log_probabilities(policy, rows[:1], (traces[:1] + 1) % 3)
    assert float(wrong[0, 0]) == -np.inf


def test_truncation_keeps_the_law_of_the_first_tokens() -> None:
    policy = game(2, 3, 5).policy
    short = hitting_time_pmf(truncate(policy, 3))
    full = hitting_time_pmf(policy)
    np.testing.assert_allclose(short[:, :3], full[:, :3])
    np.testing.assert_allclose(short[:, 3], full[:, 3:].sum(axis=1))
    for horizon in (0, 6):
        with pytest.raises(ValueError, match=r"outside 1\.\.5"):
            truncate(policy, horizon)


def test_selecting_prompts_selects_their_laws() -> None:
    policy = game(2, 3, 5).policy
    rows = jnp.asarray([4, 4, 0])
    np.testing.assert_array_equal(
        hitting_time_pmf(select(policy, rows)), hitting_time_pmf(policy)[rows]
    )


def test_single_precision_is_close() -> None:
    exact = np.asarray(hitting_time_pmf(game(2, 3, 5).policy))
    with jax.enable_x64(False):
        policy = jax.tree.map(
            lambda x: x.astype(jnp.float32) if x.dtype == jnp.float64 else x, game(2, 3, 5).policy
        )
        pmf = hitting_time_pmf(policy)
        expert, _ = planted_expert(policy, 1.0)
        traces = sample_traces(jax.random.key(0), expert, jnp.arange(9, dtype=jnp.int32))
        chosen = log_probabilities(expert, jnp.arange(9, dtype=jnp.int32), traces)
    assert pmf.dtype == chosen.dtype == jnp.float32
    assert np.isfinite(chosen).all()
    np.testing.assert_allclose(pmf, exact, atol=1e-6)
