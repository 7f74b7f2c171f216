"""Policies at the ends of their leashes against exact and numerical optimisation."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from verigap.llm_validation.deciding.leashes import USUAL, usual_leashes
from verigap.llm_validation.pools import leashes
from verigap.llm_validation.pools.leashes import Leash, best_policy, chosen_leash, within
from verigap.llm_validation.predicting.predict import Options
from verigap.storage.tables import TableError
from verigap.theory import RewardLaw, chi2_ball_expert

RADII = st.sampled_from([0.01, 0.25, 1.0, 3.0])
KINDS = st.sampled_from(["chi2", "kl"])


def divergence(policy: np.ndarray, base: np.ndarray, kind: str) -> float:
    policy, base = policy[base > 0], base[base > 0]
    if kind == "chi2":
        return float((policy**2 / base).sum() - 1)
    ratio = np.where(policy > 0, policy / base, 1.0)
    return float((policy * np.log(ratio)).sum())


def drawn(seed: int, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Rewards and masks of four prompts of up to six samples."""
    rng = np.random.default_rng(seed)
    mask = np.arange(6) < rng.integers(1, 7, (4, 1))
    return np.where(mask, rng.integers(0, kinds, (4, 6)) / max(kinds - 1, 1), 0.0), mask


def bases(mask: np.ndarray) -> np.ndarray:
    return mask / mask.sum(axis=1, keepdims=True)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 3, 50]), RADII, KINDS)
def test_policies_stay_on_the_leash(seed: int, kinds: int, radius: float, kind: str) -> None:
    reward, mask = drawn(seed, kinds)
    leash = Leash(kind, radius)  # pyright: ignore[reportArgumentType]
    wild = bases(mask) * np.exp(np.random.default_rng(seed).normal(0, 4, mask.shape))
    wild /= wild.sum(axis=1, keepdims=True)
    for policy in (best_policy(reward, mask, leash), within(wild, mask, leash)):
        np.testing.assert_allclose(policy.sum(axis=1), 1.0, atol=1e-9)
        assert (policy >= 0).all()
        assert (policy[~mask] == 0).all()
        for row, base in zip(policy, bases(mask), strict=True):
            assert divergence(row, base, kind) <= radius * (1 + 1e-6) + 1e-9


@pytest.mark.long
@given(st.integers(0, 10_000), st.sampled_from([2, 3, 50]), RADII)
def test_best_policy_of_chi2_is_that_of_the_theory(seed: int, kinds: int, radius: float) -> None:
    reward, mask = drawn(seed, kinds)
    found = (best_policy(reward, mask, Leash("chi2", radius)) * reward).sum(axis=1)
    for prompt, present in enumerate(mask):
        support = np.sort(reward[prompt, present])
        mass = np.full(support.shape, 1 / support.size)
        law = RewardLaw(jnp.asarray(support), jnp.asarray(mass))
        expert = np.asarray(chi2_ball_expert(law, radius).density_ratio) * mass
        assert found[prompt] == pytest.approx(float(expert @ support), abs=1e-6)


def _softmax(z: np.ndarray) -> np.ndarray:
    weight = np.exp(z - z.max())
    return weight / weight.sum()


def _largest(reward: np.ndarray, base: np.ndarray, kind: str, radius: float, start: float) -> float:
    """The largest mean reward within the leash, over softmax policies."""
    bound = {"type": "ineq", "fun": lambda z: radius - divergence(_softmax(z), base, kind)}
    found = optimize.minimize(
        lambda z: -float(_softmax(z) @ reward), reward * start, constraints=bound, method="SLSQP"
    )
    return -float(found.fun)


@pytest.mark.parametrize("kind", ["chi2", "kl"])
@pytest.mark.parametrize("radius", [0.1, 0.7, 2.0])
def test_best_policy_against_numerical_optimisation(kind: str, radius: float) -> None:
    rng = np.random.default_rng(5)
    base = np.full(5, 0.2)
    for reward in (rng.random(5), np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.array([1, 1, 1, 1, 0.0])):
        best = max(_largest(reward, base, kind, radius, start) for start in (0.1, 1.0))
        leash = Leash(kind, radius)  # pyright: ignore[reportArgumentType]
        found = best_policy(reward[None], np.ones((1, 5), bool), leash)[0] @ reward
        assert found == pytest.approx(best, abs=2e-4)


@given(st.integers(0, 10_000), RADII, KINDS)
def test_within_leaves_alone_what_is_within(seed: int, radius: float, kind: str) -> None:
    _, mask = drawn(seed, 2)
    leash = Leash(kind, radius)  # pyright: ignore[reportArgumentType]
    wild = bases(mask) * np.exp(np.random.default_rng(seed).normal(0, 2, mask.shape))
    wild /= wild.sum(axis=1, keepdims=True)
    found = within(wild, mask, leash)
    for row, policy, base in zip(found, wild, bases(mask), strict=True):
        apart = divergence(policy, base, kind)
        if apart <= radius * (1 - 1e-9):
            np.testing.assert_allclose(row, policy, atol=1e-9)
        else:
            # Moved back, and no further than needed.
            assert divergence(row, base, kind) == pytest.approx(radius, rel=1e-4)


@pytest.mark.parametrize("kind", ["chi2", "kl"])
def test_within_is_the_nearest_policy_of_the_leash(kind: str) -> None:
    """Nearest in L2 of the base, or in KL from the policy, by numerical optimisation."""
    base = np.full(4, 0.25)
    policy = np.array([0.85, 0.1, 0.04, 0.01])
    leash = Leash(kind, 0.3)  # pyright: ignore[reportArgumentType]
    found = within(policy[None], np.ones((1, 4), bool), leash)[0]

    def distance(q: np.ndarray) -> float:
        if kind == "chi2":
            return float(((q - policy) ** 2 / base).sum())
        return float((q * np.log(q / policy)).sum())

    constraints = [
        {"type": "eq", "fun": lambda q: q.sum() - 1},
        {"type": "ineq", "fun": lambda q: 0.3 - divergence(q, base, kind)},
    ]
    nearest = optimize.minimize(
        distance, base, bounds=[(1e-9, 1)] * 4, constraints=constraints, tol=1e-12
    )
    assert distance(found) == pytest.approx(nearest.fun, abs=1e-5)
    np.testing.assert_allclose(found, nearest.x, atol=1e-3)


@pytest.mark.parametrize("kind", ["chi2", "kl"])
def test_a_long_leash_reaches_the_best_sample_and_equal_rewards_move_nothing(kind: str) -> None:
    mask = np.array([[True, True, True, False]])
    reward = np.array([[0.2, 0.9, 0.1, 5.0]])
    far = Leash(kind, 50.0)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(best_policy(reward, mask, far), [[0, 1, 0, 0]], atol=1e-6)
    for level in (0.0, 1.0):
        alike = best_policy(np.full((1, 4), level), mask, Leash(kind, 1.0))  # pyright: ignore[reportArgumentType]
        np.testing.assert_allclose(alike, mask / 3, atol=1e-6)


def test_scale_of_the_reward_is_no_matter() -> None:
    reward, mask = drawn(3, 50)
    for leash in usual_leashes(USUAL):
        found = best_policy(reward, mask, leash)
        np.testing.assert_allclose(best_policy(4096 * reward, mask, leash), found, atol=1e-9)
        np.testing.assert_allclose(best_policy(reward + 7, mask, leash), found, atol=1e-6)


def test_the_kl_leash_holds_the_chi2_one() -> None:
    kl, *_, first = usual_leashes(USUAL)
    assert (str(first), str(kl)) == ("chi-square 1", "KL 0.693 nats")
    assert (first.other, kl.other) == (kl, first)
    for seed in range(20):
        reward, mask = drawn(seed, 50)
        for policy, base in zip(best_policy(reward, mask, first), bases(mask), strict=True):
            assert divergence(policy, base, "kl") <= kl.radius + 1e-9


@pytest.mark.parametrize(
    ("given_radii", "says"),
    [
        ((1.0, 0.5), "kl_radius: is given beside"),
        ((0.0, None), "chi2_radius: 0.0 is out of range"),
        ((None, float("inf")), "kl_radius: inf is out of range"),
        # The chi-square radius that it meets is none, or no number that can be written.
        ((None, 14.0), "kl_radius: 14.0 is out of range; give a number from 1e-06 to 13.8155 nats"),
        ((None, 1000.0), "kl_radius: 1000.0 is out of range"),
    ],
)
def test_a_leash_is_one_radius(given_radii: tuple[float | None, float | None], says: str) -> None:
    with pytest.raises(TableError, match=says):
        chosen_leash(*given_radii)


def test_the_radius_that_is_given_names_the_divergence() -> None:
    assert chosen_leash(0.5, None) == Leash("chi2", 0.5)
    assert chosen_leash(None, 0.5) == Leash("kl", 0.5)
    assert chosen_leash(None, None, USUAL) == USUAL


def test_both_divergences_reach_as_far() -> None:
    """So the report of a KL leash can be about the chi-square one that it meets."""
    for farthest in (chosen_leash(1e6, None), chosen_leash(None, math.log1p(1e6))):
        radii = farthest.other.radii
        again = chosen_leash(radii["chi2_radius"], radii["kl_radius"])
        assert again.divergence == farthest.other.divergence


def test_the_game_is_played_on_a_chi_square_leash_only() -> None:
    with pytest.raises(TableError, match="on a chi-square leash only"):
        Options(leash=USUAL, log2_class_size=4.0)


def test_runs_may_be_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    _, mask = drawn(2, 3)
    rewards = rng.random((2, 5, *mask.shape))
    policies = np.where(mask, rewards, 0.0) / np.where(mask, rewards, 0.0).sum(-1, keepdims=True)
    whole = best_policy(rewards, mask, USUAL), within(policies, mask, Leash("kl", 0.01))
    monkeypatch.setattr(leashes, "_AT_ONCE", 2 * mask.size)
    parts = best_policy(rewards, mask, USUAL), within(policies, mask, Leash("kl", 0.01))
    for one, many in zip(whole, parts, strict=True):
        np.testing.assert_allclose(many, one, rtol=1e-9)
