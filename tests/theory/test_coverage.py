"""Lemma 4: the order of the three coverages, optimality, and an exact top share."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from verigap.theory.coverage import anti_concentration, level_coverage, top_share_coverage
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import conditional_policy, top_share_policy

K = 6
returns = st.lists(st.integers(0, 16), min_size=K, max_size=K).map(sorted)
weights = st.one_of(
    st.lists(st.integers(0, 8), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(1, 2), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 500]),
)
radii = st.floats(0, 12)

top_share = jax.jit(top_share_coverage)
share_above = jax.jit(level_coverage)


@jax.jit
def coverages(law, radius):
    expert = chi2_ball_expert(law, radius)
    return (
        expert.value,
        anti_concentration(law, radius),
        level_coverage(law, expert.value),
        top_share_coverage(law, expert.value),
    )


def law_of(support, mass):
    return RewardLaw.checked(np.array(support), np.array(mass) / sum(mass))


def exact_top_share(support, mass, level):
    """Walk down from the best return until the surplus over the level is used up."""
    share, surplus = Fraction(0), Fraction(0)
    for r, w in sorted(zip(support, mass, strict=True), reverse=True):
        p = Fraction(w, sum(mass))
        if surplus + p * (r - level) < 0:
            return share + surplus / (level - r)
        share, surplus = share + p, surplus + p * (r - level)
    return share


@given(returns, weights, st.fractions(0, 1, max_denominator=97))
def test_top_share_agrees_with_exact_arithmetic(support, mass, where):
    charged = [r for r, w in zip(support, mass, strict=True) if w]
    level = min(charged) + where * (max(charged) - min(charged))
    exact = exact_top_share(support, mass, level)
    assert float(top_share(law_of(support, mass), float(level))) == pytest.approx(
        float(exact), rel=1e-9
    )
    mean = Fraction(sum(r * w for r, w in zip(support, mass, strict=True)), sum(mass))
    assert (exact == 1) == (level <= mean)


@given(returns, weights, st.fractions(-1, 17, max_denominator=8))
def test_level_coverage_counts_what_reaches_the_level(support, mass, level):
    reached = sum(w for r, w in zip(support, mass, strict=True) if r >= level)
    computed = float(share_above(law_of(support, mass), float(level)))
    assert computed == pytest.approx(reached / sum(mass), abs=1e-14)


@given(returns, weights, radii)
def test_lemma_4_order(support, mass, radius):
    law = law_of(support, mass)
    assume(len({r for r, w in zip(support, mass, strict=True) if w}) > 1)
    value, c, c_star, alpha = (float(v) for v in coverages(law, radius))
    cantelli = 1 / (1 + (value - float(law.mean)) ** 2 / float(law.variance))
    assert c <= c_star + 1e-12
    assert c <= 1 / (1 + radius) + 1e-9
    assert 0 < c_star <= alpha + 1e-9
    assert alpha <= cantelli + 1e-9
    assert alpha <= 1


@given(returns, weights, radii)
def test_lemma_4_top_share_and_conditional_policies_dominate_the_ball(support, mass, radius):
    law = law_of(support, mass)
    value, _, c_star, alpha = coverages(law, radius)
    for policy, cap in (
        (top_share_policy(law, alpha), 1 / alpha),
        (conditional_policy(law, value), 1 / c_star),
    ):
        assert float(jnp.sum(law.probabilities * policy)) == pytest.approx(1.0, rel=1e-9)
        assert float(jnp.max(policy)) <= float(cap) * (1 + 1e-9)
        assert float(law.expectation(policy)) >= float(value) - 1e-7


@pytest.mark.parametrize("seed", range(8))
def test_no_policy_of_smaller_ratio_reaches_the_level(seed):
    rng = np.random.default_rng(seed)
    atoms, mass = np.sort(rng.integers(0, 12, K)), rng.dirichlet(np.ones(K))
    law = RewardLaw.checked(atoms, mass)
    value = float(chi2_ball_expert(law, float(rng.uniform(0.01, 4))).value)
    # Least cap t on the density ratio w under which some policy earns the level.
    solved = optimize.linprog(
        c=[*np.zeros(K), 1.0],
        A_ub=np.vstack(
            [np.hstack([np.eye(K), -np.ones((K, 1))]), np.append(-mass * atoms, 0.0)[None]]
        ),
        b_ub=[*np.zeros(K), -value],
        A_eq=np.append(mass, 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * (K + 1),
    )
    assert float(top_share(law, value)) == pytest.approx(1 / solved.fun, rel=1e-6)


@pytest.mark.parametrize("margin", [0.01, 0.5, 1.0, 4.0, 99.0])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_cantelli_is_attained_by_a_two_point_law(margin, dtype):
    top = 1 / (1 + margin)
    law = RewardLaw(jnp.array([3.0, 10.0], dtype), jnp.array([1 - top, top], dtype))
    assert float(anti_concentration(law, margin)) == pytest.approx(top, rel=1e-6)
    assert float(anti_concentration(law, margin * 1.01)) == 0.0


def test_top_share_is_continuous_and_falling_where_level_coverage_jumps():
    law = law_of([0, 0, 4, 8, 12, 16], [2, 1, 1, 1, 2, 1])
    jumps = []
    for points in (501, 2001):
        radius = jnp.linspace(0.0, 2.9, points) ** 2
        _, _, c_star, alpha = jax.vmap(coverages, in_axes=(None, 0))(law, radius)
        assert (np.diff(alpha) <= 1e-12).all()
        assert (np.diff(c_star) <= 1e-12).all()
        jumps.append((float(-np.diff(alpha).min()), float(-np.diff(c_star).min())))
    (coarse, coarse_star), (fine, fine_star) = jumps
    assert fine < 0.3 * coarse < 0.01
    assert coarse_star == pytest.approx(fine_star)
    assert fine_star > 0.12


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_regression_value_equal_to_an_atom(dtype):
    # J*(1) is exactly 12; an upward rounding of it must not lose the atom 12.
    atoms = jnp.array([0, 0, 0, 4, 8, 10, 12, 16], dtype)
    law = RewardLaw(atoms, jnp.full(8, 0.125, dtype))
    value, _, c_star, alpha = coverages(law, jnp.asarray(1.0, dtype))
    assert float(value) == pytest.approx(12.0, rel=1e-6)
    assert float(c_star) == 0.25
    assert float(alpha) == pytest.approx(7 / 16, rel=1e-5)
    rounding = 1e-7 if dtype == jnp.float32 else 1e-10
    assert float(level_coverage(law, jnp.asarray(12.0 * (1 + rounding), dtype))) == 0.25
    # A level that float64 tells apart from the atom is not reached by it.
    reached = float(level_coverage(law, jnp.asarray(12.0 * (1 + 1e-5), dtype)))
    assert reached == 0.125
    assert exact_top_share([0, 0, 0, 4, 8, 10, 12, 16], [1] * 8, 12) == Fraction(7, 16)


def test_levels_at_and_beyond_the_ends():
    law = law_of([0, 0, 4, 8, 12, 16], [2, 1, 1, 1, 2, 0])
    assert float(top_share(law, 12.0)) == pytest.approx(2 / 7)
    assert float(top_share(law, 12.1)) == 0.0
    assert float(top_share(law, -3.0)) == 1.0
    assert float(share_above(law, 12.1)) == 0.0
    point = law_of([5, 5, 5, 5, 5, 7], [1, 1, 1, 1, 1, 0])
    assert [float(v) for v in coverages(point, 3.0)] == pytest.approx([5.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("lift", [0.0, -24.0])
def test_a_level_may_round_to_above_the_largest_return(dtype, lift):
    # The slack is relative to the largest |R|, whatever its sign.
    atoms = jnp.array([0.0, 0, 4, 8, 12, 16], dtype) + dtype(lift)
    law = RewardLaw(atoms, jnp.array([2, 1, 1, 1, 2, 1], dtype) / 8)
    top, scale = float(atoms[-1]), float(jnp.abs(atoms).max())
    ulp = scale * float(jnp.finfo(dtype).eps)
    for above, share in ((0, 1 / 8), (4, 1 / 8), (12, 1 / 8), (24, 0.0), (1000, 0.0)):
        assert float(top_share(law, jnp.asarray(top + above * ulp, dtype))) == share, above


def test_gradient_of_the_top_share_follows_the_level():
    law, step = law_of([0, 1, 4, 8, 12, 16], [2, 1, 1, 1, 2, 1]), 1e-6
    for level in (7.0, 9.3, 13.0, 15.5):
        slope = jax.grad(lambda v: top_share_coverage(law, v))(level)
        difference = (top_share(law, level + step) - top_share(law, level - step)) / (2 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-6)
