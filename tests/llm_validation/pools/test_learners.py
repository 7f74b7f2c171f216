"""Cloning and reward models against a general optimiser, and what they are shown."""

from dataclasses import fields

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special, stats

from tests.llm_validation.pools.made_pools import table, traces
from tests.statistics import assert_fits
from verigap.llm_validation.pools.cloning import Demonstrations, clone, draw_traces
from verigap.llm_validation.pools.features import Features, features
from verigap.llm_validation.pools.leashes import CHI2_1, Leash, best_policy
from verigap.llm_validation.pools.newton import RIDGE
from verigap.llm_validation.pools.policy_values import Settings, halves, values_at
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.theory import RewardLaw, chi2_ball_expert

DATA = (3, 20)
SEEDS = 2


@pytest.fixture(scope="module")
def phi() -> Features:
    rng = np.random.default_rng(3)
    mask = np.arange(5) < np.array([5, 3, 4, 1])[:, None]
    return Features(("a", "b"), rng.normal(size=(4, 5, 2)) * mask[:, :, None], mask)


def drawn(phi: Features, seed: int) -> Demonstrations:
    uniforms = np.random.default_rng(seed).random((SEEDS, DATA[-1], 2))
    base = phi.mask / phi.mask.sum(axis=1, keepdims=True)
    return draw_traces(base, np.ones((SEEDS, 4), bool), uniforms)


def test_cloning_is_maximum_likelihood(phi: Features) -> None:
    shown = drawn(phi, 0)
    found, converged = clone(phi, shown, DATA)
    assert converged.all()

    def policies(theta: np.ndarray) -> np.ndarray:
        scores = np.where(phi.mask, phi.values @ theta, -np.inf)
        return special.softmax(scores, axis=1)

    for index, n in enumerate(DATA):
        for seed in range(SEEDS):
            pairs = tuple(shown.prompt[seed, :n]), tuple(shown.sample[seed, :n])

            def loss(theta: np.ndarray, pairs=pairs) -> float:
                return -np.log(policies(theta)[pairs]).sum() + RIDGE / 2 * theta @ theta

            best = optimize.minimize(loss, np.zeros(2), tol=1e-10)
            np.testing.assert_allclose(found[index, seed], policies(best.x), atol=1e-5)


def test_reward_model_is_logistic_regression(phi: Features) -> None:
    shown = drawn(phi, 1)
    label = np.random.default_rng(2).random((SEEDS, DATA[-1]))
    found, converged = predicted_returns(
        phi, LabelledTraces(shown.prompt, shown.sample, label), DATA
    )
    assert converged.all()
    for index, n in enumerate(DATA):
        for seed in range(SEEDS):
            x = phi.values[shown.prompt[seed, :n], shown.sample[seed, :n]]
            y = label[seed, :n]

            def loss(theta: np.ndarray, x=x, y=y) -> float:
                odds = x @ theta[:2] + theta[2]
                fit = (np.logaddexp(0, odds) - y * odds).sum()
                return fit + RIDGE / 2 * theta[:2] @ theta[:2] + 5e-4 * theta[2] ** 2

            best = optimize.minimize(loss, np.zeros(3), tol=1e-12).x
            odds = phi.values @ best[:2] + best[2]
            np.testing.assert_allclose(found[index, seed], special.expit(odds), atol=1e-5)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_all_alike_stay_finite(phi: Features, label: float) -> None:
    shown = drawn(phi, 1)
    labels = np.full((SEEDS, DATA[-1]), label)
    found, converged = predicted_returns(
        phi, LabelledTraces(shown.prompt, shown.sample, labels), DATA
    )
    assert converged.all()
    assert np.isfinite(found).all()
    assert (abs(found[1] - label) < 0.1).mean() > 0.9


def test_nothing_shown_leaves_the_base(phi: Features) -> None:
    nothing = draw_traces(
        phi.mask / 1.0, np.zeros((SEEDS, 4), bool), np.zeros((SEEDS, DATA[-1], 2))
    )
    base = np.broadcast_to(phi.mask / phi.mask.sum(axis=1, keepdims=True), (2, SEEDS, 4, 5))
    np.testing.assert_allclose(clone(phi, nothing, DATA).policies, base)


def test_demonstrations_hold_no_reward() -> None:
    assert {field.name for field in fields(Demonstrations)} == {"prompt", "sample"}


def test_demonstrations_follow_the_expert(phi: Features) -> None:
    expert = np.random.default_rng(0).dirichlet(np.ones(5), 4)
    shown = np.array([[True, False, True, True]])
    uniforms = np.random.default_rng(1).random((1, 20_000, 2))
    found = draw_traces(expert, shown, uniforms)
    cells = found.prompt[0] * 5 + found.sample[0]
    counts = np.bincount(cells, minlength=20).reshape(4, 5)
    assert counts[1].sum() == 0
    expected = expert[[0, 2, 3]] * 20_000 / 3
    assert_fits(stats.chisquare(counts[[0, 2, 3]].ravel(), expected.ravel()), "demonstrations")


def test_expert_is_that_of_the_theory() -> None:
    rng = np.random.default_rng(5)
    mask = np.arange(7) < np.array([7, 4, 1])[:, None]
    returns = np.where(mask, rng.integers(0, 4, mask.shape), 0.0)
    found = best_policy(returns, mask, Leash("chi2", 0.7))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert not found[~mask].any()
    size = mask.sum(axis=1, keepdims=True)
    order = np.argsort(returns, axis=1)
    law = RewardLaw(
        jnp.asarray(np.take_along_axis(returns, order, 1)),
        jnp.asarray(np.take_along_axis(mask / size, order, 1)),
    )
    value = jax.jit(chi2_ball_expert)(law, 0.7).value
    np.testing.assert_allclose((found * returns).sum(axis=1), value)
    assert (size[:, 0] * (found**2).sum(axis=1) - 1 <= 0.7 + 1e-9).all()


def test_halves_swap_within_pairs() -> None:
    train = halves(7, seeds=5, seed=0)
    np.testing.assert_array_equal(train[0::2][:2], ~train[1::2])
    assert set(train.sum(axis=1)) == {3, 4}
    assert not (train[0] == train[2]).all()


def test_labels_of_held_out_prompts_are_not_used() -> None:
    frame = table()
    (pools,) = sample_pools(traces(frame))
    settings = Settings(data_budgets=(8, 32), num_candidates=4, leash=CHI2_1, seeds=4, seed=0)
    train = np.tile(np.arange(12) < 6, (4, 1))
    first = values_at(pools, 40, settings, features(pools, 40), train).values
    # On held-out prompts the best samples become the worst, and nothing else changes: policies that
    # did not look earn the complement.
    pools.first_correct[6:] = pools.returns(40)[6:] + 1
    second = values_at(pools, 40, settings, features(pools, 40), train).values
    for name in ("clone", "clone_leashed", "verify", "verify_leashed", "vote", "base"):
        np.testing.assert_allclose(second[name][:, :, 6:], 40 - first[name][:, :, 6:])
        assert np.isnan(first[name][:, :, :6]).all()
