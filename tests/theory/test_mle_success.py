"""At least the probability that MLE is correct: where it is exact, and where it is not."""

from fractions import Fraction
from itertools import product
from math import comb, prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.games import half_horizon_game_on_host
from verigap.theory.arrays import host_array
from verigap.theory.bounds import Setting
from verigap.theory.bounds.agreements import agreement_cells
from verigap.theory.bounds.mle_success import mle_success
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.laws import RewardLaw


def on_host(data_budget: float, size: float, tilt: float) -> Setting:
    return half_horizon_game_on_host(2.0, data_budget, size, tilt**2)


def success(data_budget: int, size: int, tilt: Fraction) -> Fraction:
    """(1/M) E max_j L_j in the two-level game."""
    codewords, below, total = 2**size, Fraction(0), Fraction(0)
    for agreements in range(data_budget + 1):
        upto = below + Fraction(comb(data_budget, agreements), 2**data_budget)
        ratio = (1 + tilt) ** agreements * (1 - tilt) ** (data_budget - agreements)
        total += ratio * (upto**codewords - below**codewords) / codewords
        below = upto
    return total


@given(st.integers(1, 24), st.integers(0, 5), st.fractions(Fraction(1, 50), 1, max_denominator=50))
def test_two_level_is_exact_and_rounded_up(data_budget: int, size: int, tilt: Fraction) -> None:
    exact = float(success(data_budget, size, tilt))
    computed = float(mle_success(on_host(float(data_budget), float(size), float(tilt))))
    assert exact * (1 - 1e-15) <= computed <= exact * (1 + 1e-11)


def test_merged_counts_stay_above_and_near() -> None:
    # u = n kappa' = 10: the normal limit of P_c, which counts below 200,000 reach.
    single = [float(mle_success(on_host(n, 10.0, (10 / n) ** 0.5))) for n in (1e5, 2e5)]
    merged = [float(mle_success(on_host(n, 10.0, (10 / n) ** 0.5))) for n in (2.5e5, 1e6, 1e9)]
    assert single[0] == pytest.approx(single[1], abs=1e-4)
    assert min(merged) > max(single)
    assert max(merged) < max(single) + 0.01


RETURNS = [0.0, 1.0, 3.0]


def general_success(data_budget: int, codewords: int, prompts: int, ratio: np.ndarray) -> float:
    """(1/M) E max_j L_j by enumeration of the prompts and of what every codeword says."""
    mean, atoms = 0.0, len(RETURNS)
    for asked in product(range(prompts), repeat=data_budget):
        scores = np.array(
            [
                prod(ratio[x][label] for x, label in zip(asked, labels, strict=True))
                for labels in product(range(atoms), repeat=data_budget)
            ]
        )
        largest = scores
        for _ in range(codewords - 1):
            largest = np.maximum.outer(largest, scores)
        mean += largest.mean() / codewords / prompts**data_budget
    return mean


@pytest.mark.parametrize("rows", [[RETURNS], [RETURNS, [0.0, 0.0, 3.0]]])
@pytest.mark.parametrize(("data_budget", "size"), [(1, 1), (3, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("radius", [0.05, 0.4, 1.5])
def test_other_laws_stay_above(
    rows: list[list[float]], data_budget: int, size: int, radius: float
) -> None:
    law = RewardLaw.equiprobable(host_array(rows))
    made = Setting.from_law(
        law,
        horizon=3.0,
        data_budget=float(data_budget),
        log2_class_size=float(size),
        chi2_radius=radius,
        expert_radius=radius,
    )
    ratio = np.asarray(chi2_ball_expert(law, host_array(radius)).density_ratio)
    exact = general_success(data_budget, 2**size, len(rows), ratio)
    bound = float(mle_success(made))
    assert exact <= bound <= 1.0
    # The second moment alone is weaker.
    plain = 2 ** (-size / 2) * (1 + np.mean((ratio**2).mean(axis=-1) - 1)) ** (data_budget / 2)
    assert bound <= plain * (1 + 1e-9)


def test_as_many_traces_as_float32_counts() -> None:
    # 2^24 + 1 is no float32: the last count may not slip below the first of its cell.
    host = half_horizon_game_on_host(4.0, 2.0**24, 10.0, 1.0)
    narrow = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), host)
    cells = agreement_cells(narrow)
    counted = np.asarray(cells.first <= narrow.data_budget)
    assert (np.asarray(cells.last) >= np.asarray(cells.first))[counted].all()
    # An expert who never errs agrees with every trace.
    assert float(jnp.sum(jnp.exp(cells.log_expert))) >= 1.0
