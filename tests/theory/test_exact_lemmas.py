"""Lemmas 3 and 4 and Cantelli's inequality as stated, in rational arithmetic.

An expert is made rational by starting from its root a: w = b (R - a)_+ with b = 1/E(R - a)_+ has
chi-square kappa = E w^2 - 1 and value J* = E w R, all of them fractions.
"""

from fractions import Fraction

import jax
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jaxtyping import Array

from verigap.theory.coverage import anti_concentration, level_coverage, top_share_coverage
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.laws import RewardLaw

K = 5
Law = dict[int, Fraction]

pytestmark = pytest.mark.smoke

returns = st.lists(st.integers(0, 12), min_size=K, max_size=K).map(sorted)
weights = st.one_of(
    st.lists(st.integers(0, 8), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(1, 2), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 300]),
    st.lists(st.integers(1, 300), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 1]),
)
raw_ratios = st.lists(st.integers(0, 6), min_size=K, max_size=K).filter(any)
roots = st.fractions(-8, 12, max_denominator=12)


def exact_law(support: list[int], mass: list[int]) -> Law:
    """Distinct charged returns with their exact probabilities."""
    merged: Law = {}
    for r, w in zip(support, mass, strict=True):
        if w:
            merged[r] = merged.get(r, Fraction(0)) + Fraction(w, sum(mass))
    return merged


def mean_of(law: Law, ratio: dict[int, Fraction] | None = None) -> Fraction:
    return sum((p * r * (ratio[r] if ratio else 1) for r, p in law.items()), Fraction(0))


def variance_of(law: Law) -> Fraction:
    mean = mean_of(law)
    return sum((p * (r - mean) ** 2 for r, p in law.items()), Fraction(0))


def growth_of(law: Law, ratio: dict[int, Fraction]) -> Fraction:
    """E w^2 = 1 + chi^2."""
    return sum((p * ratio[r] ** 2 for r, p in law.items()), Fraction(0))


def expert_of(law: Law, root: Fraction) -> tuple[dict[int, Fraction], Fraction, Fraction]:
    """Ratio, kappa and value of w = b (R - root)_+."""
    first = sum((p * max(r - root, Fraction(0)) for r, p in law.items()), Fraction(0))
    ratio = {r: max(r - root, Fraction(0)) / first for r in law}
    return ratio, growth_of(law, ratio) - 1, mean_of(law, ratio)


def mixed_into(law: Law, raw: list[int], radius: Fraction) -> dict[int, Fraction]:
    """Some policy of the ball: the raw one, mixed with the base until its chi-square fits."""
    total = sum((p * raw[i] for i, p in enumerate(law.values())), Fraction(0))
    assume(total > 0)
    ratio = {r: raw[i] / total for i, r in enumerate(law)}
    chi2 = growth_of(law, ratio) - 1
    if chi2 > radius:
        # The root of radius/chi2, rounded down to a fraction.
        share = Fraction(int(float(radius / chi2) ** 0.5 * 0.999999 * 10**6), 10**6)
        ratio = {r: 1 + share * (w - 1) for r, w in ratio.items()}
    assert growth_of(law, ratio) - 1 <= radius
    return ratio


def best_share_mean(law: Law, share: Fraction) -> Fraction:
    """m(alpha): mean return of the best alpha-share."""
    left, total = share, Fraction(0)
    for r in sorted(law, reverse=True):
        taken = min(left, law[r])
        left, total = left - taken, total + taken * r
    return total / share


def exact_top_share(law: Law, level: Fraction) -> Fraction:
    """Walk down from the best return until the surplus over the level is used up."""
    share, surplus = Fraction(0), Fraction(0)
    for r in sorted(law, reverse=True):
        p = law[r]
        if surplus + p * (r - level) < 0:
            return share + surplus / (level - r)
        share, surplus = share + p, surplus + p * (r - level)
    return share


@jax.jit
def computed(law: RewardLaw, radius: Array) -> dict[str, Array]:
    expert = chi2_ball_expert(law, radius)
    return {
        "value": expert.value,
        "ratio": expert.density_ratio,
        "c": anti_concentration(law, radius),
        "c*": level_coverage(law, expert.value),
        "alpha": top_share_coverage(law, expert.value),
    }


def compute(support: list[int], mass: list[int], radius: Fraction) -> dict[str, np.ndarray]:
    law = RewardLaw.checked(np.array(support), np.array(mass) / sum(mass))
    found = computed(law, jax.numpy.asarray(float(radius)))
    return {name: np.asarray(value) for name, value in found.items()}


@given(returns, weights, roots, raw_ratios)
def test_lemma_3_no_policy_of_the_ball_beats_the_expert(
    support: list[int], mass: list[int], root: Fraction, raw: list[int]
) -> None:
    law = exact_law(support, mass)
    assume(len(law) > 1 and root < max(law))
    ratio, radius, value = expert_of(law, root)
    assert mean_of(law, mixed_into(law, raw, radius)) <= value
    # The dual point certifies it for all policies at once, with equality.
    second = sum((p * max(r - root, Fraction(0)) ** 2 for r, p in law.items()), Fraction(0))
    assert (value - root) ** 2 == (1 + radius) * second
    assert root <= value <= max(law)
    found = compute(support, mass, radius)
    assert float(found["value"]) == pytest.approx(float(value), rel=1e-9)
    active = sum(w > 0 for w in ratio.values())
    if active > 1:
        expected = [float(ratio[r]) if w else 0.0 for r, w in zip(support, mass, strict=True)]
        # At a radius near 0 the ratio differs from 1 by its root: half of the digits.
        np.testing.assert_allclose(found["ratio"], expected, rtol=1e-7, atol=1e-7)


@given(returns, weights, raw_ratios, st.fractions(0, 4, max_denominator=9))
def test_lemma_3_saturation(
    support: list[int], mass: list[int], raw: list[int], excess: Fraction
) -> None:
    law = exact_law(support, mass)
    top = max(law)
    saturation = 1 / law[top] - 1
    # The conditional policy is in the ball from there on, and nothing earns more than it does.
    only_top = {r: (1 / law[top] if r == top else Fraction(0)) for r in law}
    assert growth_of(law, only_top) == 1 + saturation
    assert mean_of(law, only_top) == top
    beyond = compute(support, mass, saturation * (1 + Fraction(1, 10**12)) + excess)
    assert float(beyond["value"]) == pytest.approx(top, abs=1e-9)
    if len(law) > 1:
        # Before, nobody reaches it: mass p below the top needs E w^2 >= 1/P(top) otherwise.
        below = mixed_into(law, raw, saturation * Fraction(99, 100))
        assert mean_of(law, below) < top
        assert float(compute(support, mass, saturation * Fraction(99, 100))["value"]) < top


@given(returns, weights, roots, raw_ratios)
def test_lemma_4(support: list[int], mass: list[int], root: Fraction, raw: list[int]) -> None:
    law = exact_law(support, mass)
    assume(len(law) > 1 and root < max(law))
    _, radius, value = expert_of(law, root)
    mean, variance = mean_of(law), variance_of(law)
    # R >= mean + sd sqrt(kappa), without the roots.
    far = [r for r in law if r >= mean and (r - mean) ** 2 >= variance * radius]
    c = sum((law[r] for r in far), Fraction(0))
    reached = {r: p for r, p in law.items() if r >= value}
    c_star = sum(reached.values(), Fraction(0))
    alpha = exact_top_share(law, value)
    # (4) the order.
    assert c <= c_star <= alpha <= 1 / (1 + (value - mean) ** 2 / variance)
    assert c <= 1 / (1 + radius)
    # (1) domination: both policies earn J* or more, and with it more than any policy of the ball.
    conditional = sum((p * r for r, p in reached.items()), Fraction(0)) / c_star
    dominated = mean_of(law, mixed_into(law, raw, radius))
    assert dominated <= value <= min(best_share_mean(law, alpha), conditional)
    # (2) optimality: a larger share falls short, whatever is played within its ratio.
    if alpha < 1:
        larger = alpha + (1 - alpha) / 7
        assert best_share_mean(law, larger) < value
        total = sum((p * raw[i] for i, p in enumerate(law.values())), Fraction(0))
        capped = {r: raw[i] / total for i, r in enumerate(law)}
        if max(capped.values()) <= 1 / larger:
            assert mean_of(law, capped) <= best_share_mean(law, larger)
    # (3) the dual form over the atoms below the level.
    quotients = [
        sum((p * max(r - a, 0) for r, p in law.items()), Fraction(0)) / (value - a)
        for a in law
        if a < value
    ]
    if value < max(law):
        assert alpha == min([Fraction(1), *quotients])
    found = compute(support, mass, radius)
    assert float(found["alpha"]) == pytest.approx(float(alpha), rel=1e-7)
    if all(abs(r - value) > Fraction(1, 10**4) for r in law):
        assert float(found["c*"]) == pytest.approx(float(c_star), rel=1e-12)
    ceiling = float(mean) + float(variance * radius) ** 0.5
    if all(abs(r - ceiling) > 1e-4 for r in law):
        assert float(found["c"]) == pytest.approx(float(c), rel=1e-12)


@given(returns, weights, st.fractions(0, 9, max_denominator=16))
def test_cantelli(support: list[int], mass: list[int], margin: Fraction) -> None:
    law = exact_law(support, mass)
    mean, variance = mean_of(law), variance_of(law)
    assume(variance > 0)
    far = [r for r in law if r >= mean and (r - mean) ** 2 >= variance * margin]
    assert sum((law[r] for r in far), Fraction(0)) * (1 + margin) <= 1
    # Attained: mass 1/(1 + s^2) at mean + s sd, the rest at mean - sd/s; here sd = 1, mean = 0.
    slope = 1 + margin
    high = 1 / (1 + slope**2)
    assert high * slope - (1 - high) / slope == 0
    assert high * slope**2 + (1 - high) / slope**2 == 1
