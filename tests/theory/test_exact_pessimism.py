"""Pessimism in the relabelling game: the max-min policy by linear programming, its risk exactly."""

from fractions import Fraction
from itertools import combinations_with_replacement, permutations, product
from math import comb, factorial, prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jaxtyping import Array, Float
from scipy import optimize

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.version_space import two_level_agreement

HORIZON = 12
Columns = list[tuple[tuple[int, ...], ...]]


def columns_of(returns: list[int], survivors: int) -> Columns:
    """What the survivors say about a fresh prompt, up to the order of its traces."""
    orders = list(permutations(returns))
    return [(tuple(returns), *rest) for rest in product(orders, repeat=survivors - 1)]


def share_mean(scores: list[Fraction], coverage: Fraction) -> Fraction:
    """Mean of the best c0-share of equally likely traces."""
    left, total = coverage, Fraction(0)
    for score in sorted(scores, reverse=True):
        taken = min(left, Fraction(1, len(scores)))
        left, total = left - taken, total + taken * score
    return total / coverage


def pessimistic_value(returns: list[int], survivors: int, coverage: Fraction) -> Fraction:
    """V(m): mean of the best c0-share of the survivors' average column (docs/theory.md)."""
    prompts = columns_of(returns, survivors)
    total = Fraction(0)
    for columns in prompts:
        scores = [Fraction(sum(column), survivors) for column in zip(*columns, strict=True)]
        total += share_mean(scores, coverage)
    return total / len(prompts)


def max_min(returns: list[int], survivors: int, coverage: Fraction) -> tuple[float, np.ndarray]:
    """The max-min value over all policies of ratio at most 1/c0, and what each survivor pays it."""
    # All orders of every column, as the survivors are not exchangeable among the reduced prompts.
    prompts = list(product(permutations(returns), repeat=survivors))
    atoms, count = len(returns), len(prompts) * len(returns)
    pays = np.array(prompts, float).transpose(1, 0, 2).reshape(survivors, count) / count
    normal = np.hstack([np.kron(np.eye(len(prompts)), np.ones(atoms)), np.zeros((len(prompts), 1))])
    solved = optimize.linprog(
        c=[*np.zeros(count), -1.0],
        A_ub=np.hstack([-pays, np.ones((survivors, 1))]),
        b_ub=np.zeros(survivors),
        A_eq=normal,
        b_eq=np.full(len(prompts), float(atoms)),
        bounds=[(0, float(1 / coverage))] * count + [(None, None)],
    )
    return -float(solved.fun), pays @ solved.x[:count]


@pytest.mark.parametrize(("returns", "survivors"), [([0, 2], 4), ([0, 3, 4], 2), ([1, 1, 12], 2)])
@pytest.mark.parametrize("coverage", [Fraction(1, 4), Fraction(1, 2), Fraction(5, 6)])
def test_max_min_pays_the_same_under_every_survivor(
    returns: list[int], survivors: int, coverage: Fraction
) -> None:
    value = pessimistic_value(returns, survivors, coverage)
    found, paid = max_min(returns, survivors, coverage)
    assert found == pytest.approx(float(value), abs=1e-9)
    np.testing.assert_allclose(paid, float(value), atol=1e-7)
    # At least what one survivor's own best share earns when it is right once in m times.
    mean = Fraction(sum(returns), len(returns))
    alone = share_mean([Fraction(r) for r in returns], coverage)
    assert value - mean >= (alone - mean) / survivors


def test_two_level_value_is_the_agreement_of_the_survivors() -> None:
    agreement = np.asarray(jax.jit(two_level_agreement)(jnp.arange(6.0)))
    for survivors in range(1, 7):
        for coverage in (Fraction(1, 2), Fraction(3, 4)):
            value = pessimistic_value([0, 2], survivors, coverage)
            reach = float(min(1 / coverage - 1, Fraction(1)))
            assert float(value) - 1 == pytest.approx(reach * agreement[survivors - 1])


@jax.jit
def case(
    support: Float[Array, "prompts K"],
    traces: Float[Array, ""],
    size: Float[Array, ""],
    radius: Float[Array, ""],
) -> tuple[Array, Array, Array]:
    law = RewardLaw.equiprobable(support)
    setting = Setting.from_law(
        law,
        horizon=float(HORIZON),
        data_budget=traces,
        log2_class_size=size,
        chi2_radius=radius,
        expert_radius=radius,
    )
    bound = BOUNDS["VB-UPPER-EXPECTATION"].value(setting)
    return bound, setting.coverage, chi2_ball_expert(law, radius).value[0]


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, HORIZON), min_size=3, max_size=3).map(sorted),
    st.floats(0.01, 2.5),
    st.sampled_from([(1, 1), (1, 3), (2, 1), (2, 4), (2, 8)]),
)
def test_exact_risk_on_three_traces(
    returns: list[int], radius: float, shape: tuple[int, int]
) -> None:
    assume(returns[0] < returns[-1])
    log2_size, traces = shape
    size = 2**log2_size
    parts = (jnp.asarray(float(part)) for part in (traces, log2_size, radius))
    bound, coverage, value = case(jnp.asarray([returns], float), *parts)
    # Rounded down, so that the share still reaches the expert's value.
    share = Fraction(float(coverage) * (1 - 1e-12))
    earned = [pessimistic_value(returns, m, share) for m in range(1, size + 1)]
    assert float(earned[0]) >= float(value) - 1e-9
    levels = {r: Fraction(returns.count(r), 3) for r in returns}
    mean = Fraction(0)
    for labels in combinations_with_replacement(levels, traces):
        # A wrong codeword gives these labels with chance q; as many base samples have their type.
        q = prod((levels[label] for label in labels), start=Fraction(1))
        orders = factorial(traces) // prod(factorial(labels.count(r)) for r in levels)
        for others in range(size):
            survive = comb(size - 1, others) * q**others * (1 - q) ** (size - 1 - others)
            mean += orders * q * survive * earned[others]
    assert float(value) - float(mean) <= float(bound) + 1e-9
