"""Every arm of selection against a script that goes through all sets of N samples."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.deciding.made_outcomes import made, samples_of_one, subsets
from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import candidate_counts, gather, largest_common
from verigap.llm_validation.deciding.selection import select

SIZE = 6


class Script:
    """What N samples of one prompt earn, by the plainest code."""

    def __init__(self, samples: dict[str, np.ndarray]) -> None:
        rows = {name: values[0].tolist() for name, values in samples.items()}
        self.right = [float(each) for each in rows["correct"]]
        self.answer = rows["answer"]
        self.length = [math.inf if each != each else each for each in rows["length"]]
        self.score = rows["score"]

    def mean(self, of_set: Callable[[tuple[int, ...]], list[list[int]]], n: int) -> float:
        """Mean over all sets of N, over the tied groups of each, over the samples of a group."""
        values = []
        for chosen in itertools.combinations(range(len(self.right)), n):
            groups = of_set(chosen)
            each = [sum(self.right[i] for i in group) / len(group) for group in groups]
            values.append(sum(each) / len(each))
        return sum(values) / len(values)

    def best(self, of_sample: list[float]) -> Callable[[tuple[int, ...]], list[list[int]]]:
        def groups(chosen: tuple[int, ...]) -> list[list[int]]:
            most = max(of_sample[i] for i in chosen)
            return [[i] for i in chosen if of_sample[i] == most]

        return groups

    def vote(self, weight: list[float], *, shortest: bool = False) -> Callable:
        def groups(chosen: tuple[int, ...]) -> list[list[int]]:
            votes: dict[int, float] = {}
            for i in chosen:
                if self.answer[i] >= 0:
                    votes[self.answer[i]] = votes.get(self.answer[i], 0.0) + weight[i]
            if not votes:
                return [list(chosen)]
            found = []
            for winner in (each for each, count in votes.items() if count == max(votes.values())):
                given = [i for i in chosen if self.answer[i] == winner]
                least = min(self.length[i] for i in given)
                found.append([i for i in given if not shortest or self.length[i] == least])
            return found

        return groups


@given(samples_of_one(SIZE), st.integers(1, SIZE))
def test_arms_without_a_score(samples: dict[str, np.ndarray], n: int) -> None:
    found, script = made(**samples), Script(samples)
    sets, reward = subsets(found, n), made(**samples).rewards["accuracy"]
    ones = [1.0] * SIZE
    assert np.isclose(arms.single(reward, found.mask)[0], script.mean(lambda s: [list(s)], n))
    assert np.isclose(arms.vote(sets, reward)[0], script.mean(script.vote(ones), n))
    member = sets.shortest_of_group(gather(found.length, sets.index))
    expected = script.mean(script.vote(ones, shortest=True), n)
    assert np.isclose(arms.vote(sets, reward, member=member)[0], expected)
    shortest = arms.best_scored(-found.length, reward, found.mask, n)
    assert np.isclose(shortest[0], script.mean(script.best([-x for x in script.length]), n))


@given(samples_of_one(SIZE), st.integers(1, SIZE))
def test_arms_by_a_score(samples: dict[str, np.ndarray], n: int) -> None:
    found, script = made(**samples), Script(samples)
    sets, reward = subsets(found, n), found.rewards["accuracy"]
    voted = arms.vote(sets, reward, gather(found.score, sets.index))
    assert np.isclose(voted[0], script.mean(script.vote(script.score), n))
    expected = script.mean(script.best(script.score), n)
    assert np.isclose(arms.best_scored(found.score, reward, found.mask, n)[0], expected)
    drawn = arms.best_of(sets, gather(found.score, sets.index), reward)
    assert np.isclose(drawn[0], expected)


@given(samples_of_one(SIZE), st.integers(1, SIZE))
def test_exact_check_is_pass_at_n(samples: dict[str, np.ndarray], n: int) -> None:
    found = made(**samples)
    right = int(samples["correct"].sum())
    expected = 1 - math.comb(SIZE - right, n) / math.comb(SIZE, n)
    reward = found.rewards["accuracy"]
    assert np.isclose(arms.best_scored(reward, reward, found.mask, n)[0], expected)


def table(prompts: int, size: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (prompts, size)
    return {
        "correct": rng.random(shape) < 0.4,
        "answer": rng.integers(-1, 3, shape),
        "length": rng.integers(1, 9, shape).astype(float),
        "score": rng.integers(0, 4, shape).astype(float),
    }


ARMS: dict[str, Callable[[Script], Callable]] = {
    "single": lambda script: lambda chosen: [list(chosen)],
    "shortest": lambda script: script.best([-each for each in script.length]),
    "vote": lambda script: script.vote([1.0] * len(script.right)),
    "vote_shortest": lambda script: script.vote([1.0] * len(script.right), shortest=True),
    "vote_score": lambda script: script.vote(script.score),
    "best_score": lambda script: script.best(script.score),
    "exact": lambda script: script.best(script.right),
}


@pytest.mark.parametrize("n", [1, 3, 6])
def test_select_gives_every_arm_what_the_script_gives(n: int) -> None:
    samples = table(prompts=9, size=SIZE, seed=n)
    found = select(made(**samples), labels=8, counts=(n,), learn=False, seed=0)
    assert set(found.values["accuracy"]) == set(ARMS)
    for arm, of_script in ARMS.items():
        for prompt, value in enumerate(found.values["accuracy"][arm][0]):
            script = Script({name: each[prompt : prompt + 1] for name, each in samples.items()})
            assert abs(value - script.mean(of_script(script), n)) <= 1e-12, (arm, prompt)


def test_all_arms_at_n_of_one_are_one_sample() -> None:
    samples = table(prompts=20, size=SIZE, seed=3)
    found = select(made(**samples, horizon=6), labels=16, counts=(1,), seed=0)
    assert {"vote_learned", "best_learned"} < set(found.values["return"])
    for by_arm in (*found.values.values(), found.accuracy_for_return):
        assert by_arm
        single = by_arm.get("single", found.values["accuracy"]["single"])
        for arm, values in by_arm.items():
            np.testing.assert_array_equal(values, single, err_msg=arm)


def test_scores_below_zero_weigh_from_the_least() -> None:
    samples = {
        "correct": np.array([[1, 0, 0]]),
        "answer": np.array([[0, 1, 1]]),
        "score": np.array([[5.0, -1.0, 1.0]]),
    }
    found = select(made(**samples), labels=1, counts=(3,), learn=False, seed=0)
    assert found.values["accuracy"]["vote_score"][0, 0] == 1.0
    assert found.values["accuracy"]["vote"][0, 0] == 0.0


def test_a_score_elsewhere_in_the_table_moves_no_other_vote() -> None:
    samples = table(prompts=12, size=SIZE, seed=5)
    samples["score"] -= 2.0

    def votes() -> np.ndarray:
        found = select(made(**samples), labels=1, counts=(3,), learn=False, seed=0)
        return found.values["accuracy"]["vote_score"][0, 1:]

    before = votes()
    samples["score"][0, 0] = -1e6
    np.testing.assert_array_equal(votes(), before)


def test_an_unknown_score_is_the_worst() -> None:
    samples = {"correct": np.array([[1, 0, 0]]), "score": np.array([[np.nan, -7.0, -7.0]])}
    found = select(made(**samples), labels=1, counts=(2, 3), learn=False, seed=0)
    np.testing.assert_allclose(found.values["accuracy"]["best_score"], 0.0)


@pytest.mark.parametrize(
    ("given_columns", "missing"),
    [
        ({"correct", "answer", "length"}, {"vote_score", "best_score"}),
        ({"correct", "answer", "score"}, {"shortest", "vote_shortest"}),
        ({"correct", "length", "score"}, {"vote", "vote_shortest", "vote_score"}),
        ({"correct"}, set(ARMS) - {"single", "exact"}),
    ],
)
def test_arms_that_the_table_has_nothing_for_are_missing(
    given_columns: set[str], missing: set[str]
) -> None:
    samples = table(prompts=4, size=4, seed=0)
    found = made(**{name: samples[name] for name in given_columns})
    values = select(found, labels=4, counts=(2,), learn=False, seed=0).values["accuracy"]
    assert set(values) == set(ARMS) - missing


def test_counts_are_powers_of_two_the_largest_and_the_one_asked_for() -> None:
    assert candidate_counts(24, 6) == (1, 2, 4, 6, 8, 16, 24)
    assert candidate_counts(5, 8) == (1, 2, 4, 5)
    assert candidate_counts(1, 8) == (1,)


def test_prompts_with_few_samples_are_left_out() -> None:
    # 95 % of 20 prompts must have the largest N.
    assert largest_common(np.array([3, *[10] * 19])) == 10
    assert largest_common(np.array([3, 3, *[10] * 18])) == 3
    mask = np.ones((20, 10), bool)
    mask[4, 3:] = False
    samples = table(prompts=20, size=10, seed=0)
    found = select(made(samples["correct"], mask=mask), labels=4, learn=False, seed=0)
    assert found.counts[-1] == 10
    assert found.left_out == 1
    assert 4 not in found.prompts
    assert found.values["accuracy"]["single"].shape == (len(found.counts), 19)
