"""A learned score sees the N candidates and nothing else of a prompt."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.deciding.made_outcomes import made, samples_of_one, subsets
from verigap.llm_validation.deciding.candidates import Candidates
from verigap.llm_validation.deciding.learned_score import compared, learn_scores
from verigap.llm_validation.deciding.selection import select


@given(samples_of_one(6), st.integers(1, 6))
def test_agreement_and_rank_are_those_among_the_candidates(
    samples: dict[str, np.ndarray], n: int
) -> None:
    found = made(**samples)
    beside = compared(found, subsets(found, n))
    answer, length = samples["answer"][0], samples["length"][0]
    for row, chosen in enumerate(itertools.combinations(range(6), n)):
        for slot, sample in enumerate(chosen):
            others = [each for each in chosen if each != sample]
            same = sum(answer[each] == answer[sample] for each in others)
            expected = same / len(others) if others and answer[sample] >= 0 else 0.0
            assert np.isclose(beside.agreement[0, row, slot], expected)
            if n == 1 or np.isnan(length[sample]):
                assert beside.rank[0, row, slot] == 0.0
                continue
            shorter = sum(length[each] < length[sample] for each in others)
            tied = sum(length[each] == length[sample] for each in others)
            expected = (shorter + tied / 2) / len(others) - 0.5
            assert np.isclose(beside.rank[0, row, slot], expected)


def pool_knows(prompts: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Ten samples, six alike and right, four alone and wrong: the pool tells, two do not."""
    correct = np.arange(10) < 6
    answer = np.where(correct, 0, np.arange(10))
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(10) for _ in range(prompts)])
    return {"correct": correct[order], "answer": answer[order]}


def test_what_only_the_pool_shows_does_not_help() -> None:
    found = select(made(**pool_knows(60)), labels=256, counts=(2, 10), seed=0)
    two, ten = ({arm: v[i].mean() for arm, v in found.values["accuracy"].items()} for i in (0, 1))
    # Of two that differ, neither agrees with the other: any rule is right on half of those pairs.
    # The agreement in the pool would be right on all of them: on 1 - 6/45 = 0.87.
    for arm in ("single", "vote", "best_learned", "vote_learned"):
        assert two[arm] == pytest.approx(0.6, abs=0.02), arm
    assert two["exact"] == pytest.approx(1 - 6 / 45)
    # With all ten, agreement shows the right ones.
    assert ten["best_learned"] == ten["vote_learned"] == ten["vote"] == pytest.approx(1.0)


def test_all_arms_get_as_many_samples() -> None:
    # Every arm at N is between the worst and the best of the same N; with other N some are not.
    rng = np.random.default_rng(1)
    correct = rng.random((40, 16)) < 0.3
    samples = {
        "correct": correct,
        "answer": np.where(correct, 0, rng.integers(1, 30, correct.shape)),
        "length": np.where(correct, 1, 2),
        "score": correct * 1.0,
    }
    counts = (1, 2, 4, 8, 16)
    found = select(made(**samples), labels=64, counts=counts, seed=0).values["accuracy"]
    # Perfect information of each kind: exactly pass@N of the same N, no more and no less.
    for arm in ("shortest", "best_score"):
        np.testing.assert_allclose(found[arm], found["exact"], atol=1e-12)
    # 400 sets of each of the prompts.
    for arm in ("vote_score", "best_learned", "vote_learned"):
        assert np.abs(found[arm].mean(axis=1) - found["exact"].mean(axis=1)).max() < 0.02, arm


@pytest.mark.parametrize("sign", [-1, 1])
def test_length_cannot_stand_for_being_right(sign: int) -> None:
    """Where short samples are wrong, or lengths say nothing, being short earns nothing."""
    rng = np.random.default_rng(2)
    correct = rng.random((150, 12)) < rng.beta(2, 2, (150, 1))
    length = rng.integers(20, 60, correct.shape) + 30 * (correct if sign > 0 else 0)
    found = select(made(correct, 200, length=length), labels=256, counts=(8,), seed=0)
    mean = {arm: float(values[0].mean()) for arm, values in found.values["accuracy"].items()}
    error = 0.5 / 150**0.5
    if sign > 0:
        # The learner finds that long ones are right, and the shortest is the worst choice.
        assert mean["shortest"] < mean["single"] - 3 * error
        assert mean["best_learned"] > mean["single"] + 3 * error
    else:
        assert abs(mean["shortest"] - mean["single"]) < 4 * error
        assert abs(mean["best_learned"] - mean["single"]) < 4 * error
        returns = {arm: float(values[0].mean()) for arm, values in found.values["return"].items()}
        # As a return, shortness does earn something, and only there.
        assert returns["shortest"] > returns["single"]


def test_a_score_is_learned_from_the_training_prompts_alone() -> None:
    samples = pool_knows(12)
    found = made(**samples)
    sets = Candidates.of(found, 4, seed=0)
    train = np.zeros((1, 12), bool)
    train[0, :6] = True
    label = found.rewards["accuracy"]
    changed = np.where(train[0][:, None], label, 1.0 - label)
    beside = compared(found, sets)
    first, second = (
        learn_scores(found, sets, beside, each, train, 64, (0,))[0] for each in (label, changed)
    )
    assert first.converged
    np.testing.assert_array_equal(first.alone, second.alone)
    assert first[1:] == second[1:]
    # And it learns: agreeing candidates are the right ones.
    assert first.agreement > 0.5
