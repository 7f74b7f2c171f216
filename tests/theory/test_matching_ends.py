"""Ends of the chance of a match and of a survivor's share against sums over types in fractions."""

import itertools
from collections import Counter
from fractions import Fraction
from functools import partial
from math import exp, factorial, log, prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.sim.relabelling.learner_risks import learner_risks
from verigap.theory import RewardLaw, Setting, chi2_ball_expert
from verigap.theory.arrays import host_array
from verigap.theory.lattice_ends import label_ends, likelihood_ends
from verigap.theory.risks import probability_correct, probability_correct_ends, survivor_share
from verigap.theory.score_types import enumerated_likelihood, enumerated_sum

CELLS = 1 << 12
TIED = [0.0] + [8.0] * 7


def types_of(n, kinds):
    """Counts of n draws from so many kinds, and how many orders each has."""
    for draws in itertools.combinations_with_replacement(range(kinds), n):
        counts = Counter(draws)
        ways = factorial(n) // prod(factorial(k) for k in counts.values())
        yield [counts[i] for i in range(kinds)], ways


def chance_in_fractions(ratios, masses, n, size):
    """P(correct), equal scores found equal in rational arithmetic."""
    base: dict[Fraction, Fraction] = {}
    for counts, ways in types_of(n, len(ratios)):
        score = prod((w**k for w, k in zip(ratios, counts, strict=True)), start=Fraction(1))
        mass = prod((p**k for p, k in zip(masses, counts, strict=True)), start=Fraction(ways))
        base[score] = base.get(score, Fraction(0)) + mass
    assert sum(base.values()) == 1
    total, below = Fraction(0), Fraction(0)
    for score in sorted(base):
        upto = below + base[score]
        total += score * (upto**size - below**size) / size
        below = upto
    return total


@st.composite
def games(draw):
    """Rational density ratios of mean 1 on equally likely traces, with ties; n; d."""
    whole = draw(st.lists(st.integers(0, 6), min_size=2, max_size=5).filter(any))
    # Powers of two among them make different types score alike.
    ratios = [Fraction(w * len(whole), sum(whole)) for w in sorted(whole)]
    return ratios, draw(st.integers(1, 5)), draw(st.integers(1, 4))


def arrays(ratios):
    law = RewardLaw.equiprobable(host_array([[float(i) for i in range(len(ratios))]]))
    return law, host_array([[float(w) for w in ratios]])


@partial(jax.jit, static_argnums=4)
def on_device(law, ratio, n, d, cells):
    ends = likelihood_ends(law, ratio, n, d, cells)
    return probability_correct(ends.low, d), probability_correct(ends.high, d), ends.exact


@given(games())
def test_types_are_exact_and_ends_hold(game):
    ratios, n, d = game
    third = [Fraction(1, len(ratios))] * len(ratios)
    exact = float(chance_in_fractions(ratios, third, n, 2**d))
    law, ratio = arrays(ratios)
    found = likelihood_ends(law, ratio, host_array(n), host_array(d))
    assert bool(found.exact)
    assert float(probability_correct(found.low, host_array(d))) == pytest.approx(exact, rel=1e-11)
    # The same on a coarse lattice, which knows two values only.
    low, high, is_exact = on_device(
        *jax.tree.map(jnp.asarray, (law, ratio, host_array(n), host_array(d))), CELLS
    )
    assert bool(is_exact) == (len(set(ratios)) <= 2)
    assert float(low) - 1e-9 <= exact <= float(high) + 1e-9
    if is_exact:
        assert float(low) == pytest.approx(exact, rel=1e-11)
        assert low == high


def test_different_types_of_one_score_need_not_be_listed_as_ties():
    # 2/7 * {1, 2, 4} * 3/2: twice the middle one scores as the two outer ones.
    ratios = [Fraction(3 * w, 7) for w in (1, 2, 4)]
    exact = chance_in_fractions(ratios, [Fraction(1, 3)] * 3, 8, 2**6)
    law, ratio = arrays(ratios)
    found = enumerated_likelihood(law, ratio, 8.0)
    assert found is not None
    assert float(probability_correct(found, host_array(6.0))) == pytest.approx(
        float(exact), rel=1e-12
    )


def test_the_tie_that_a_lattice_split():
    # 0, 8 x 7 at 0.99 of the radius from which on only 8 is played; 0.5301 on the lattice.
    law = RewardLaw.equiprobable(host_array([TIED]))
    expert = chi2_ball_expert(law, 0.99 / 7)
    n, d = host_array(100.0), host_array(20.0)
    ends = probability_correct_ends(law, expert.density_ratio, n, d)
    gain = float(expert.gain[0])
    assert gain * (1 - float(ends.low)) == pytest.approx(0.5394, abs=5e-5)
    assert gain * (1 - float(ends.high)) == pytest.approx(0.5394, abs=5e-5)
    # By hits in fractions of the float ratios.
    low, high = (Fraction(float(w)) for w in np.unique(np.asarray(expert.density_ratio)))
    exact = chance_in_two_values(high, Fraction(7, 8), low, 100, 2**20)
    assert float(ends.low) <= float(exact) <= float(ends.high)
    assert float(ends.high - ends.low) <= 3e-9


def chance_in_two_values(high, chance, low, n, size):
    from math import comb

    total, below = 0.0, Fraction(0)
    for hits in range(n + 1):
        mass = comb(n, hits) * chance**hits * (1 - chance) ** (n - hits)
        upto = below + mass
        score = hits * log(high) + (n - hits) * log(low)
        ranks = float(upto) ** size - float(below) ** size
        total += exp(score) * ranks / size
        below = upto
    return total


@pytest.mark.parametrize("cells", [1 << 10, 1 << 13])
def test_ends_hold_where_types_are_many(cells):
    # Four values and 40 traces: enumerated here, on a lattice under jit.
    law = RewardLaw.equiprobable(host_array([[0.0, 4.0, 5.0, 8.0]]))
    ratio = chi2_ball_expert(law, 0.3).density_ratio
    n, d = host_array(40.0), host_array(20.0)
    exact = enumerated_likelihood(law, ratio, 40.0)
    assert exact is not None
    assert enumerated_likelihood(law, ratio, 40.0, most=100) is None
    chance = float(probability_correct(exact, d))
    low, high, is_exact = on_device(*jax.tree.map(jnp.asarray, (law, ratio, n, d)), cells)
    assert not is_exact
    assert float(low) < chance < float(high)
    assert float(high - low) < 0.15 * chance * (1 << 10) / cells


def test_a_population_lies_between_its_ends():
    # Given how the traces fall on the prompts, the chance is that of one prompt or of both.
    law = RewardLaw.equiprobable(host_array([[0.0, 8.0], [3.0, 5.0]]))
    ratio = host_array([[0.5, 1.5], [0.0, 2.0]])
    n, d = 2, 2
    total = Fraction(0)
    steps = [[Fraction(1, 2), Fraction(3, 2)], [Fraction(0), Fraction(2)]]
    for prompts in itertools.product(range(2), repeat=n):
        base: dict[Fraction, Fraction] = {}
        for draws in itertools.product(range(2), repeat=n):
            score = prod(
                (steps[x][i] for x, i in zip(prompts, draws, strict=True)), start=Fraction(1)
            )
            base[score] = base.get(score, Fraction(0)) + Fraction(1, 4)
        below = Fraction(0)
        for score in sorted(base):
            upto = below + base[score]
            total += score * (upto**4 - below**4) / 4 / 4
            below = upto
    ends = probability_correct_ends(law, ratio, host_array(n), host_array(d))
    assert float(ends.low) <= float(total) <= float(ends.high)
    assert float(ends.high) < 1.25 * float(total)


@pytest.mark.long
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 4), st.integers(1, 5))
def test_labels_have_no_ties_to_split(sizes, n, d):
    # Levels of so many equally likely traces each.
    total, size = sum(sizes), 2**d
    exact = Fraction(0)
    for counts, ways in types_of(n, len(sizes)):
        q = prod((Fraction(s, total) ** k for s, k in zip(sizes, counts, strict=True)), start=1)
        exact += ways * q * (1 - (1 - q) ** size) / (size * q)
    atoms = [[float(i) for i, s in enumerate(sizes) for _ in range(s)]]
    law = RewardLaw.equiprobable(host_array(atoms))
    share = survivor_share(label_ends(law, host_array(n)).low, host_array(d))
    assert float(share) == pytest.approx(float(exact), rel=1e-11)
    device = RewardLaw(jnp.asarray(law.support), jnp.asarray(law.probabilities))
    ends = label_ends(device, jnp.asarray(float(n)), CELLS)
    low, high = (float(survivor_share(end, jnp.asarray(float(d)))) for end in ends[:2])
    assert low - 1e-9 <= float(exact) <= high + 1e-9
    # The lattice moves a share by n h^2 / 8 at most, which ties do not enlarge.
    assert high - low < 1e-4


@pytest.mark.long
@pytest.mark.parametrize(
    ("returns", "n", "method"),
    [
        (TIED, 100, "closed form"),
        ([0.0, 1.0, 8.0], 50, "closed form"),
        (list(map(float, range(16))), 100, "lattice approximation"),
    ],
)
def test_the_method_says_what_was_done(returns, n, method):
    setting = Setting.from_law(
        RewardLaw.equiprobable(host_array([returns])),
        horizon=16.0, data_budget=float(n), log2_class_size=10.0, chi2_radius=0.1,
    )  # fmt: skip
    risk = learner_risks(setting, seed=0, replicates=50).by_learner["vf-mle"]
    assert risk.method == method
    assert (risk.low is None) == (method == "closed form")
    if risk.low is not None and risk.high is not None:
        assert risk.low < risk.value < risk.high


def test_too_many_types_are_refused():
    values = host_array(np.arange(8.0))
    assert enumerated_sum(values, host_array(np.full(8, 0.125)), 100) is None
