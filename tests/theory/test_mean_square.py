"""VB-UPPER-MEAN-SQUARE and its best-of-N form: each constant by brute force, in fractions too."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verigap.theory import (
    RewardLaw,
    Setting,
    best_of_n_policy,
    chi2_ball_expert,
    chi2_penalised_policy,
)
from verigap.theory.arrays import host_array
from verigap.theory.bounds.example import example_setting
from verigap.theory.bounds.vb_mean_square import (
    vb_upper_mean_square,
    vb_upper_mean_square_best_of_n,
)

PLACES = 4
bases = st.lists(st.integers(1, 6), min_size=PLACES, max_size=PLACES).map(
    lambda weights: [Fraction(w, sum(weights)) for w in weights]
)
orders = st.lists(st.integers(0, 3), min_size=PLACES, max_size=PLACES)


def apart(coverage: Fraction, draws: int) -> Fraction:
    """The square of the constant of best-of-N."""
    overlap = 2 * coverage ** (draws - 1)
    return 1 / coverage + Fraction(draws * draws, 2 * draws - 1) - overlap


def picked(base: list[Fraction], order: list[int], draws: int) -> list[Fraction]:
    """Density ratio of the best of N draws by enumeration, ties at random."""
    mass = [Fraction(0)] * len(base)
    for drawn in product(range(len(base)), repeat=draws):
        chance = Fraction(1)
        for i in drawn:
            chance *= base[i]
        best = max(order[i] for i in drawn)
        winners = [i for i in drawn if order[i] == best]
        for i in winners:
            mass[i] += chance / len(winners)
    return [m / p for m, p in zip(mass, base, strict=True)]


def shares(base: list[Fraction], coverage: Fraction) -> list[list[Fraction]]:
    """The vertices of the policies of density ratio at most 1/c0: all atoms full but one."""
    vertices = []
    for size in range(len(base)):
        for full in combinations(range(len(base)), size):
            left = coverage - sum((base[i] for i in full), Fraction(0))
            if left < 0:
                continue
            for i in set(range(len(base))) - set(full):
                if left <= base[i]:
                    ratio = [1 / coverage if j in full else Fraction(0) for j in range(len(base))]
                    ratio[i] = left / base[i] / coverage
                    vertices.append(ratio)
    return vertices


def squared(base: list[Fraction], ratio: list[Fraction]) -> Fraction:
    return sum((p * w * w for p, w in zip(base, ratio, strict=True)), Fraction(0))


@given(bases, orders, st.integers(1, 4), st.fractions(Fraction(1, 10), 1, max_denominator=10))
def test_no_share_of_the_base_is_further_from_best_of_n(
    base: list[Fraction], order: list[int], draws: int, coverage: Fraction
) -> None:
    # The distance is convex, so that it is largest at a vertex.
    chosen = picked(base, order, draws)
    for share in shares(base, coverage):
        between = [a - b for a, b in zip(share, chosen, strict=True)]
        assert squared(base, between) <= apart(coverage, draws)


@pytest.mark.parametrize(("draws", "tenths"), [(1, 3), (2, 5), (8, 1), (8, 9), (64, 2)])
def test_the_constant_of_best_of_n_is_attained(draws: int, tenths: int) -> None:
    # Many traces that the estimate tells apart by next to nothing; those that it likes least are
    # the best share. The reward lies off the estimate in the direction of the difference.
    traces, coverage, horizon = 1000, tenths / 10, 1.0
    law = RewardLaw.equiprobable(host_array(0.5 + 1e-9 * np.arange(traces)))
    chosen = np.asarray(best_of_n_policy(law, float(draws)))
    share = np.where(np.arange(traces) < coverage * traces, 1.0 / coverage, 0.0)
    between = share - chosen
    distance = np.sqrt(np.mean(between**2))
    error = 0.4 / np.abs(between / distance).max()
    truth = np.asarray(law.support) + error * between / distance
    assert truth.min() >= 0
    assert truth.max() <= horizon
    assert np.argsort(-truth, kind="stable")[: round(coverage * traces)].max() < coverage * traces
    lost = np.mean(between * truth)
    setting = replace(
        example_setting(horizon=horizon, num_candidates=float(draws), reward_error=float(error)),
        coverage=np.asarray(coverage),
    )
    whole = float(vb_upper_mean_square_best_of_n(setting))
    learning = whole - horizon * (1 - coverage) ** draws
    assert 0.99 * learning <= lost <= learning * (1 + 1e-6)


@given(bases, orders, orders, st.integers(1, 3), st.fractions(Fraction(1, 10), 1))
def test_best_of_n_loses_no_more(
    base: list[Fraction],
    estimate: list[int],
    truth: list[int],
    draws: int,
    coverage: Fraction,
) -> None:
    chosen = picked(base, estimate, draws)
    earned = sum((p * w * r for p, w, r in zip(base, chosen, truth, strict=True)), Fraction(0))
    error = sum((p * (a - b) ** 2 for p, a, b in zip(base, estimate, truth, strict=True)), 0)
    best = max(
        sum((p * w * r for p, w, r in zip(base, share, truth, strict=True)), Fraction(0))
        for share in shares(base, coverage)
    )
    missing = 3 * (1 - coverage) ** draws
    learning = best - earned - missing
    assert learning <= 0 or learning**2 <= error * apart(coverage, draws)


def penalised(base: np.ndarray, estimate: np.ndarray, penalty: float) -> np.ndarray:
    """Density ratio on the places as they stand."""
    order = np.argsort(estimate, kind="stable")
    law = RewardLaw(host_array(estimate[order]), host_array(base[order]))
    ratio = np.empty(len(base))
    ratio[order] = chi2_penalised_policy(law, penalty)
    return ratio


def best_value(base: np.ndarray, truth: np.ndarray, radius: float) -> float:
    order = np.argsort(truth, kind="stable")
    law = RewardLaw(host_array(truth[order][None]), host_array(base[order][None]))
    return float(chi2_ball_expert(law, host_array([radius])).value[0])


returns = st.lists(st.floats(0, 3), min_size=PLACES, max_size=PLACES).map(np.asarray)


@given(bases, returns, returns, st.floats(1e-3, 20.0))
def test_penalised_policies_lose_no_more(
    base: list[Fraction], estimate: np.ndarray, truth: np.ndarray, radius: float
) -> None:
    mass = np.array([float(p) for p in base])
    error = np.sqrt(mass @ (estimate - truth) ** 2)
    assume(error > 1e-6)
    ratio = penalised(mass, estimate, error / np.sqrt(radius))
    assert mass @ ratio == pytest.approx(1.0, abs=1e-9)
    lost = best_value(mass, truth, radius) - mass @ (ratio * truth)
    assert lost <= error * np.sqrt(radius) + 1e-9


@given(bases, orders, st.floats(0.05, 2.0), st.floats(0.05, 4.0))
def test_no_policy_of_a_grid_gains_more_under_the_worst_reward(
    base: list[Fraction], estimate: list[int], error: float, radius: float
) -> None:
    mass, guess = np.array([float(p) for p in base]), np.array(estimate, float)
    ratio = penalised(mass, guess, error / np.sqrt(radius))
    grid = np.array([g for g in product(range(9), repeat=PLACES) if sum(g) == 8]) / 8 / mass
    inside = (mass @ (grid - 1.0).T ** 2) <= radius
    between = grid[inside] - ratio
    # The reward of this error that makes the loss to the comparison policy largest.
    worst = between @ (mass * guess) + error * np.sqrt(between**2 @ mass)
    assert worst.max(initial=0.0) <= error * np.sqrt(radius) + 1e-9


def test_the_constant_of_pessimism_is_attained_and_nobody_beats_it() -> None:
    # Nothing is known: the estimate is flat, one of two traces pays 2 epsilon more than the other.
    error, radius, base = 0.3, 0.49, np.array([0.5, 0.5])
    setting = example_setting(
        horizon=1.0, reward_error=error, chi2_radius=radius, expert_radius=radius
    )
    bound = float(vb_upper_mean_square(setting))
    truth = np.array([0.5 - error, 0.5 + error])
    ratio = penalised(base, np.array([0.5, 0.5]), error / np.sqrt(radius))
    best = best_value(base, truth, radius)
    assert best - base @ (ratio * truth) == pytest.approx(bound)
    assert bound == pytest.approx(error * np.sqrt(radius))
    for shift in np.linspace(-1.0, 1.0, 41):
        played = np.array([1 - shift, 1 + shift])
        lost = [best - base @ (played * reward) for reward in (truth, truth[::-1])]
        assert max(lost) >= bound - 1e-12


def test_trust_without_a_penalty_loses_more() -> None:
    # The estimate thinks much of a rare bad trace: what optimises it alone falls by all of H.
    base, truth = np.array([0.99, 0.01]), np.array([1.0, 0.0])
    estimate = np.array([0.9, 1.0])
    error, radius = float(np.sqrt(base @ (estimate - truth) ** 2)), 0.5
    trusting = penalised(base, estimate, 1e-6)
    bound = error * np.sqrt(radius)
    careful = penalised(base, estimate, error / np.sqrt(radius))
    best = best_value(base, truth, radius)
    assert best - base @ (trusting * truth) == pytest.approx(1.0)
    assert best - base @ (careful * truth) <= bound < 0.2


def test_the_smaller_radius_is_compared_with() -> None:
    setting = example_setting(reward_error=2.0)
    assert float(setting.coverage) == 0.5
    for radius, coverage, expected in ((0.25, 0.5, 1.0), (1.0, 0.8, 1.0), (1.0, 0.5, 2.0)):
        made = replace(setting, class_radius=np.asarray(radius), coverage=np.asarray(coverage))
        assert float(vb_upper_mean_square(made)) == pytest.approx(expected)


def test_a_kl_ball_bounds_no_chi_square_distance() -> None:
    # As above nothing is known; what a radius of D nats reaches is further than sqrt(D).
    error, tilt = 2.0, 0.8
    nats = ((1 + tilt) * np.log1p(tilt) + (1 - tilt) * np.log1p(-tilt)) / 2
    setting = Setting.from_law(
        RewardLaw.equiprobable(host_array([[32.0 - error, 32.0 + error]])),
        horizon=64.0, data_budget=64.0, log2_class_size=4.0, kl_radius=nats, reward_error=error,
    )  # fmt: skip
    lost = float(setting.expert.gain[0])
    assert lost == pytest.approx(error * tilt)
    assert error * np.sqrt(nats) < lost <= float(vb_upper_mean_square(setting))
    distance = 1 / float(setting.coverage) - 1
    assert float(vb_upper_mean_square(setting)) == pytest.approx(error * np.sqrt(distance))


def test_one_draw_is_the_base() -> None:
    # Distance of the base from a policy of density ratio at most 1/c0.
    setting = example_setting(num_candidates=1.0, reward_error=2.0)
    value = float(vb_upper_mean_square_best_of_n(setting))
    assert value == pytest.approx(2.0 * np.sqrt(2.0 - 1.0) + 64.0 * 0.5)


def test_many_draws_have_the_rate_of_the_root_of_n() -> None:
    setting = example_setting(num_candidates=4096.0, reward_error=2.0)
    assert float(vb_upper_mean_square_best_of_n(setting)) == pytest.approx(
        2.0 * np.sqrt(4096 / 2 + 2.25), rel=1e-4
    )
