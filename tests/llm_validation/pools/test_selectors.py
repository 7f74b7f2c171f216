"""Best of N and votes against enumeration of all draws."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.fitting.pass_at_k import pass_at_k
from verigap.llm_validation.pools.selectors import best_of_pool, vote, win_table

PROMPTS, SAMPLES = 3, 6
SIZES = st.lists(st.integers(1, SAMPLES), min_size=PROMPTS, max_size=PROMPTS)


def filled(sizes: list[int], seed: int, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    mask = np.arange(SAMPLES) < np.array(sizes)[:, None]
    values = np.random.default_rng(seed).integers(0, kinds, mask.shape).astype(float)
    return np.where(mask, values, 0.0), mask


@given(SIZES, st.integers(0, 1000), st.integers(1, 8), st.sampled_from([1, 3, 50]))
def test_best_of_pool_enumerated(sizes: list[int], seed: int, candidates: int, kinds: int) -> None:
    scores, mask = filled(sizes, seed, kinds)
    scores = np.where(scores == 1, -np.inf, scores)  # as a score that is not known
    found = best_of_pool(scores, mask, win_table(np.array(sizes), candidates))
    for prompt, size in enumerate(sizes):
        expected = np.zeros(SAMPLES)
        draws = list(itertools.combinations(range(size), min(candidates, size)))
        for draw in draws:
            best = [i for i in draw if scores[prompt, i] == max(scores[prompt, list(draw)])]
            expected[best] += 1 / len(best) / len(draws)
        np.testing.assert_allclose(found[prompt], expected, atol=1e-12)


@given(SIZES, st.integers(0, 1000), st.integers(1, 8))
def test_exact_check_is_pass_at_n(sizes: list[int], seed: int, candidates: int) -> None:
    correct, mask = filled(sizes, seed, 2)
    found = best_of_pool(correct, mask, win_table(np.array(sizes), candidates))
    solved = (found * correct).sum(axis=1)
    drawn = np.minimum(candidates, sizes)
    expected = pass_at_k(correct.sum(axis=1).astype(int), np.array(sizes), int(drawn.max()))
    np.testing.assert_allclose(solved, expected[np.arange(PROMPTS), drawn - 1], atol=1e-12)


def test_wins_of_large_pools() -> None:
    # C(m, N) alone would overflow.
    wins = win_table(np.array([512]), 256)
    assert np.isclose(wins[0, 511], 0.5)
    assert wins[0, 512] == 1.0


def plurality(answers: np.ndarray, returns: np.ndarray) -> float:
    known = answers[answers >= 0]
    if known.size == 0:
        return float(returns.mean())
    counts = np.bincount(known)
    winners = np.flatnonzero(counts == counts.max())
    return float(np.mean([returns[answers == winner].mean() for winner in winners]))


@given(SIZES, st.integers(0, 1000))
def test_vote_of_the_whole_pool_is_exact(sizes: list[int], seed: int) -> None:
    answers, mask = filled(sizes, seed, 4)
    answers = answers.astype(int) - 1
    returns, _ = filled(sizes, seed + 1, 100)
    found = vote(answers, returns, mask, SAMPLES, seed=0)
    for prompt, size in enumerate(sizes):
        assert np.isclose(found[prompt], plurality(answers[prompt, :size], returns[prompt, :size]))


def test_vote_of_some_samples_enumerated() -> None:
    answers = np.array([[0, 0, 1, 2, 2, -1]])
    returns = np.array([[5.0, 3.0, 0.0, 8.0, 0.0, 1.0]])
    mask = np.ones((1, SAMPLES), bool)
    draws = [list(draw) for draw in itertools.combinations(range(SAMPLES), 3)]
    values = [plurality(answers[0, draw], returns[0, draw]) for draw in draws]
    found = np.array([vote(answers, returns, mask, 3, seed)[0] for seed in range(30)])
    # 400 draws a seed; six standard errors.
    assert abs(found.mean() - np.mean(values)) < 6 * np.std(values) / (30 * 400) ** 0.5
    # The estimates differ as 400 independent draws would.
    assert 0.5 < found.std() / (np.std(values) / 400**0.5) < 1.6
