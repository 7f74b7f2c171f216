"""Sets of N candidates: all of them where they are few, and no sample favoured where not."""

import math

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import DRAWS, Candidates
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.selection import select


def sets_of(prompts: int, samples: int, n: int, seed: int = 0) -> Candidates:
    return Candidates.of(made(np.zeros((prompts, samples))), n, seed)


def of_first(sets: Candidates) -> list[tuple[int, ...]]:
    """The sets of the first prompt that count, each sorted."""
    rows = sets.index[0][sets.share[0] > 0]
    return [tuple(sorted(row)) for row in rows.tolist()]


@pytest.mark.parametrize(("samples", "n"), [(8, 3), (8, 8), (5, 1), (28, 2), (11, 4), (400, 1)])
def test_few_sets_are_all_taken(samples: int, n: int) -> None:
    sets = sets_of(2, samples, n)
    found = of_first(sets)
    assert len(found) == len(set(found)) == math.comb(samples, n) <= DRAWS
    np.testing.assert_allclose(sets.share.sum(axis=1), 1.0)
    # Not in the order of the samples: the first set is a random one.
    assert n == samples or any(of_first(sets_of(2, samples, n, s))[0] != found[0] for s in (1, 2))


@pytest.mark.parametrize(
    ("samples", "n", "prompts"),
    [(32, 2, 3), (33, 2, 3), (100, 8, 20), (128, 2, 1000), (64, 4, 2000), (31, 7, 3), (100, 64, 3)],
)
def test_many_sets_are_drawn(samples: int, n: int, prompts: int) -> None:
    sets = sets_of(prompts, samples, n)
    assert all(len(set(row)) == n for row in sets.index[0].tolist())
    assert sets.index.max() < samples
    often = np.bincount(sets.index[0].ravel(), minlength=samples)
    if n in (2, 4, 8):
        # Each sample is in as many sets, however few there are.
        assert np.ptp(often) == 0
    else:
        assert sets.index.shape[1] == DRAWS
        expected = DRAWS * n / samples
        assert np.abs(often - expected).max() < 6 * expected**0.5


def test_prompts_with_fewer_samples_have_fewer_sets() -> None:
    mask = np.ones((5, 12), bool)
    mask[2, 9:] = False
    correct = np.random.default_rng(0).random((5, 12)) < 0.5
    found = made(correct & mask, mask=mask, answer=np.zeros((5, 12), int))
    for n in (2, 4, 9):
        sets = Candidates.of(found, n, seed=0)
        assert sets.index[2].max() < 9
        taken = (sets.share > 0).sum(axis=1)
        assert taken[2] == math.comb(9, n)
        assert taken[0] == (math.comb(12, n) if math.comb(12, n) <= DRAWS else DRAWS // 3 * 3)
        np.testing.assert_allclose(sets.share.sum(axis=1), 1.0)
        # One answer is no choice: what pads the sets has no vote.
        reward = found.rewards["accuracy"]
        voted, single = arms.vote(sets, reward), arms.single(reward, mask)
        np.testing.assert_allclose(voted[2], single[2], atol=1e-12)


@pytest.mark.parametrize("samples", [6, 31, 40, 101])
def test_a_vote_of_two_is_one_sample(samples: int) -> None:
    """Two that differ tie, so either is returned, and the difference is 0 in every draw."""
    rng = np.random.default_rng(samples)
    correct = rng.random((30, samples)) < rng.random((30, 1))
    answer = np.where(correct, 0, rng.integers(1, 4, correct.shape))
    found = select(made(correct, answer=answer), labels=1, counts=(2,), learn=False, seed=0)
    values = {arm: of_n[0] for arm, of_n in found.values["accuracy"].items()}
    np.testing.assert_allclose(values["vote"], values["single"], atol=1e-12)
    joint = JointMeans.of(values, most=1.0, seed=0)
    assert joint.difference("vote", "single").estimate == 0.0
    np.testing.assert_array_equal(joint.draws["vote"], joint.draws["single"])
