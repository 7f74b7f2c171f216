"""Trained policies: as many traces, the same leash, and no label of a held-out prompt."""

from dataclasses import replace

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation.deciding import training
from verigap.llm_validation.deciding.leashes import USUAL, usual_leashes
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.deciding.training import TRAINED, train
from verigap.llm_validation.pools.features import SCORE
from verigap.llm_validation.pools.policy_values import halves

PROMPTS, SAMPLES = 20, 6
BUDGETS = (16, 64)


def table(seed: int = 0, **other: np.ndarray) -> Outcomes:
    """Right samples are shorter, and agree."""
    rng = np.random.default_rng(seed)
    correct = rng.random((PROMPTS, SAMPLES)) < rng.beta(2, 2, (PROMPTS, 1))
    columns: dict[str, np.ndarray] = {
        "length": rng.integers(20, 40, correct.shape) + 20 * ~correct,
        "answer": np.where(correct, 0, rng.integers(1, 4, correct.shape)),
    }
    return made(correct, 100, **(columns | other))


ALL = np.ones((training.SEEDS, PROMPTS), bool)


def trained(found: Outcomes, seed: int = 0) -> training.Training:
    return train(found, data_budgets=BUDGETS, leash=USUAL, num_candidates=4, seed=seed)


def fitted(found: Outcomes) -> dict[str, np.ndarray]:
    """Policies at the first leash, on all prompts, of shape (n, seeds, P, K)."""
    leash = usual_leashes(USUAL)[0]
    fit = training._fit(found, "accuracy", BUDGETS, leash, seed=0)
    policies = fit.within(leash, found.mask, ALL)
    return {arm: each.reshape(fit.clone.shape) for arm, each in policies.items()}


def test_labels_of_held_out_prompts_change_no_policy_on_any_prompt() -> None:
    found = table()
    train_on = halves(PROMPTS, seeds=training.SEEDS, seed=0)
    before = fitted(found)
    rng = np.random.default_rng(1)
    for split in (0, 5):
        # Permuted within and between the prompts that this split holds out.
        reward = found.rewards["accuracy"].copy()
        out = np.flatnonzero(~train_on[split])
        reward[out] = rng.permuted(reward[rng.permutation(out)], axis=1)
        assert not np.array_equal(reward, found.rewards["accuracy"])
        after = fitted(replace(found, rewards={"accuracy": reward}))
        for arm in TRAINED:
            np.testing.assert_array_equal(after[arm][:, split], before[arm][:, split], err_msg=arm)
            # Where the same labels are trained on, they do change policies.
            assert not np.allclose(after[arm], before[arm]), arm


@pytest.mark.parametrize("place", range(4))
def test_every_trained_policy_keeps_to_the_leash(place: int) -> None:
    found = table()
    leash = usual_leashes(USUAL)[place]
    fit = training._fit(found, "accuracy", BUDGETS, usual_leashes(USUAL)[0], seed=0)
    for arm, policy in fit.within(leash, found.mask, ALL).items():
        ratio = np.maximum(policy * SAMPLES, 1e-300)
        apart = (
            (policy * ratio).sum(axis=-1) - 1
            if leash.divergence == "chi2"
            else (policy * np.log(ratio)).sum(axis=-1)
        )
        assert apart.max() <= leash.radius * (1 + 1e-6), arm
        assert (apart.max() > 0) == (arm != "base")


def test_policies_on_held_out_prompts_are_those_on_all() -> None:
    found = table()
    leash = usual_leashes(USUAL)[0]
    fit = training._fit(found, "accuracy", BUDGETS, leash, seed=0)
    held_out = ~halves(PROMPTS, seeds=training.SEEDS, seed=0)
    some, every = fit.within(leash, found.mask, held_out), fitted(found)
    for arm, policy in some.items():
        np.testing.assert_array_equal(policy, every[arm][:, held_out], err_msg=arm)


def test_every_arm_draws_as_many_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[tuple[int, ...]]] = {"clone": [], "reward": []}
    clone, predicted = training.clone, training.predicted_returns

    def spy_clone(features, shown, budgets):
        seen["clone"].append((shown.prompt.shape[1], *budgets))
        return clone(features, shown, budgets)

    def spy_predicted(features, traces, budgets):
        seen["reward"].append((traces.prompt.shape[1], *budgets))
        return predicted(features, traces, budgets)

    monkeypatch.setattr(training, "clone", spy_clone)
    monkeypatch.setattr(training, "predicted_returns", spy_predicted)
    found = table()
    training._fit(found, "accuracy", BUDGETS, usual_leashes(USUAL)[0], seed=0)
    # The clone of the expert, that of the rewarded traces, and the reward model: the largest n, n.
    assert seen == {"clone": [(64, *BUDGETS)] * 2, "reward": [(64, *BUDGETS)]}


def test_arms_know_what_they_should_and_learn_where_there_is_something() -> None:
    result = trained(table())
    first = result.values["accuracy"][0]
    assert first.keys() == set(training.ARMS)
    base = table().rewards["accuracy"].mean(axis=1)
    np.testing.assert_allclose(first["base"], np.tile(base, (2, 1)))
    for arm in TRAINED:
        assert first[arm][-1].mean() > base.mean(), arm
        assert result.expert["accuracy"].mean() >= first[arm][-1].mean(), arm
    # A longer leash lets the reward model go further.
    longer = result.values["accuracy"][2]["reinforce"][-1].mean()
    assert (
        longer
        > first["reinforce"][-1].mean()
        > result.values["accuracy"][1]["reinforce"][-1].mean()
    )


def test_without_features_nothing_is_learned() -> None:
    found = table(length=np.full((PROMPTS, SAMPLES), 7), answer=np.zeros((PROMPTS, SAMPLES), int))
    first = trained(found).values["accuracy"][0]
    for arm in TRAINED:
        np.testing.assert_allclose(first[arm], first["base"], atol=1e-9)


def test_a_verifier_score_is_not_shown_to_a_policy_of_one_sample() -> None:
    rng = np.random.default_rng(3)
    correct = rng.random((PROMPTS, SAMPLES)) < 0.5
    found = made(correct, 100, length=np.full(correct.shape, 9), score=correct * 1.0)
    assert SCORE in found.alone.names
    first = trained(found).values["accuracy"][0]
    for arm in TRAINED:
        np.testing.assert_allclose(first[arm], first["base"], atol=1e-9)


def test_votes_after_training() -> None:
    found = table()
    result = trained(found)
    # The base's vote over independent samples, by a plain loop over many draws.
    rng = np.random.default_rng(0)
    expected = []
    for prompt in range(PROMPTS):
        right, answer = found.rewards["accuracy"][prompt], found.answer[prompt]
        earned = []
        for drawn in rng.integers(SAMPLES, size=(400, 4)):
            counts = np.bincount(answer[drawn])
            tied = np.flatnonzero(counts == counts.max())
            earned.append(np.mean([right[answer == each].mean() for each in tied]))
        expected.append(np.mean(earned))
    voted = result.voted["accuracy"]["base"]
    assert voted == pytest.approx(expected, abs=6 * 0.5 * (1 / (64 * 8) + 1 / 400) ** 0.5)
    assert voted.mean() == pytest.approx(np.mean(expected), abs=0.02)
    assert not trained(made(np.eye(4), 9, length=np.full((4, 4), 5))).voted


def test_the_shifts_are_those_of_the_arms_that_learn() -> None:
    result = trained(table())
    for currency in ("accuracy", "return"):
        for by_arm in result.shifts[currency]:
            assert by_arm.keys() == set(TRAINED)
            assert all(each.shape == (2, training.SEEDS // 2) for each in by_arm.values())
        assert result.voted_shifts[currency].keys() == set(TRAINED)
