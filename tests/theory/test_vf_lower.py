"""VF-LOWER in all its forms against exact risks of MLE and of the Bayes learner."""

import itertools
from dataclasses import replace
from functools import partial
from math import comb, factorial, prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.bounds.vf_lower import expert_gain, log_information
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.families import two_level
from verigap.theory.lattices import likelihood_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.vf_mle import probability_correct

CELLS = 1 << 10
PLAIN, PROPER = BOUNDS["VF-LOWER"].value, BOUNDS["VF-LOWER-PROPER"].value
SHARP, MEDIAN = BOUNDS["VF-LOWER-SHARP"].value, BOUNDS["VF-LOWER-MEDIAN"].value
MATCHING = BOUNDS["VF-LOWER-PROBABILITY"].value


def two_level_setting(data_budget, log2_class_size, radius, expert_radius, sd=1.0):
    law = two_level(jnp.full(1, 8.0), jnp.full(1, sd))
    return Setting.from_law(
        law,
        horizon=16.0,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=radius,
        expert_radius=expert_radius,
    )


@jax.jit
def fixed(data_budget, log2_class_size, tilt):
    """All forms at a fixed expert, the two closed forms, and the chance that MLE is right."""
    setting = two_level_setting(data_budget, log2_class_size, tilt**2, tilt**2)
    lattice = two_level_lattice(data_budget, tilt, log2_class_size, CELLS)
    return {
        "plain": PLAIN(setting),
        "proper": PROPER(setting),
        "sharp": SHARP(setting),
        "median": MEDIAN(setting),
        "matching": MATCHING(setting),
        "correct": probability_correct(lattice, log2_class_size),
    }


@jax.jit
def hardest(data_budget, log2_class_size, radius):
    setting = two_level_setting(data_budget, log2_class_size, radius, None)
    return {"plain": PLAIN(setting), "proper": PROPER(setting)}


@given(st.integers(1, 1000), st.integers(0, 60), st.floats(1e-3, 1.0))
def test_no_form_exceeds_the_exact_risk_of_mle(data_budget, log2_class_size, tilt):
    values = fixed(float(data_budget), float(log2_class_size), tilt)
    values = {name: float(value) for name, value in values.items()}
    risk = (1 - values["correct"]) * tilt
    for name in ("plain", "proper", "sharp", "median"):
        assert values[name] <= risk + 1e-9, name
    assert values["correct"] <= values["matching"] + 1e-9
    closed = tilt - 2 ** (-log2_class_size / 2) * (1 + tilt**2) ** (data_budget / 2)
    assert values["plain"] == pytest.approx(max(closed, tilt - 1), abs=1e-9)
    assert values["sharp"] >= values["plain"] - 1e-12
    assert values["median"] <= values["plain"] + 1e-12
    assert values["proper"] == pytest.approx(risk, abs=1e-9)


def bayes_risk(data_budget, tilt, size):
    """Exact risk of the best learner: types of the wrong codewords, then all fresh signs."""
    n, up, down = data_budget, 1 + tilt, 1 - tilt
    likelihood = [up**a * down ** (n - a) for a in range(n + 1)]
    base = [comb(n, a) / 2**n for a in range(n + 1)]
    signs = np.array(list(itertools.product((-1, 1), repeat=size)))
    gain = 0.0
    for truth in range(n + 1):
        for others in itertools.combinations_with_replacement(range(n + 1), size - 1):
            ways = factorial(size - 1) // prod(factorial(others.count(a)) for a in set(others))
            weight = base[truth] * likelihood[truth] * ways * prod(base[a] for a in others)
            scores = np.array([likelihood[a] for a in (truth, *others)])
            if scores.sum() > 0:
                gain += weight * np.abs(signs @ scores).mean() / scores.sum()
    return tilt - gain


@pytest.mark.parametrize(
    ("data_budget", "log2_class_size"), [(1, 0), (1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]
)
def test_no_form_exceeds_the_bayes_risk(data_budget, log2_class_size):
    positive = 0
    for tilt in (0.1, 0.4, 0.7, 0.9, 1.0):
        risk = bayes_risk(data_budget, tilt, 2**log2_class_size)
        values = fixed(float(data_budget), float(log2_class_size), tilt)
        assert float(values["plain"]) <= risk + 1e-12
        assert float(values["sharp"]) <= risk + 1e-12
        assert risk <= (1 - float(values["correct"])) * tilt + 1e-12
        positive += float(values["plain"]) > 0
    if 2**log2_class_size > 2.72 * data_budget:
        assert positive


@pytest.mark.parametrize("data_budget", [2, 3, 10, 50])
def test_positive_exactly_where_the_class_is_large_enough(data_budget):
    threshold = data_budget * np.log(data_budget)
    threshold -= (data_budget - 1) * np.log(data_budget - 1)
    for margin, sign in ((1.02, 1), (0.98, -1)):
        value = hardest(float(data_budget), threshold / np.log(2) * margin, 1.0)["plain"]
        assert np.sign(float(value)) == sign or (sign < 0 and float(value) <= 1e-9)


@pytest.mark.parametrize(("data_budget", "log2_class_size"), [(64, 12.0), (1000, 40.0)])
def test_value_at_the_interior_optimum(data_budget, log2_class_size):
    # Stationarity: 2^{-d/2} (1 + e^2)^{n/2} = (1 + e^2) / (n e), value e (1 - 1/u - 1/n).
    tilts = np.linspace(1e-3, 1, 400_001)
    with np.errstate(over="ignore"):
        values = tilts - np.exp(
            0.5 * (data_budget * np.log1p(tilts**2) - log2_class_size * np.log(2))
        )
    best = tilts[values.argmax()]
    closed = best * (1 - 1 / (data_budget * best**2) - 1 / data_budget)
    computed = float(hardest(float(data_budget), log2_class_size, 1.0)["plain"])
    assert computed == pytest.approx(values.max(), rel=1e-9)
    assert computed == pytest.approx(closed, rel=1e-4)


@pytest.mark.long
@given(st.integers(1, 1000), st.integers(0, 60), st.floats(0.01, 1.0), st.floats(0.001, 1.0))
def test_the_hardest_expert_is_at_least_as_hard_as_any(data_budget, size, radius, share):
    best = hardest(float(data_budget), float(size), radius)
    any_expert = fixed(float(data_budget), float(size), (radius * share) ** 0.5)
    for name in ("plain", "proper"):
        assert float(best[name]) >= float(any_expert[name]) - 1e-6


def test_proper_form_is_positive_at_every_budget():
    for data_budget in (2.0, 64.0, 4096.0, 1e6):
        for size in (1.0, 4.0):
            assert float(hardest(data_budget, size, 1.0)["proper"]) > 0
    scaled = [float(hardest(n, 4.0, 1.0)["proper"]) * n**0.5 for n in (1e3, 1e5, 1e6)]
    # Above 200,000 traces neighbouring counts are merged, on the safe side.
    np.testing.assert_allclose(scaled, [0.8708, 0.8709, 0.8642], atol=1e-4)


MOST_TRACES = 8


@partial(jax.jit, static_argnames="population")
def general(support, data_budget, log2_class_size, radius, population):
    """Bounds, exact P(correct) of MLE and the expert's gain on one prompt, or on two."""
    law = RewardLaw.equiprobable(support)
    setting = Setting.from_law(
        law,
        horizon=16.0,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=radius,
        expert_radius=radius,
    )
    ratio = chi2_ball_expert(law, radius).density_ratio

    def correct_given(counts):
        lattice = likelihood_lattice(law, ratio, counts, 1 << 12)
        return probability_correct(lattice, log2_class_size)

    if population:
        # How many of the traces are on the first prompt is Binomial(n, 1/2).
        first = jnp.arange(MOST_TRACES + 1, dtype=float)
        counts = jnp.stack([first, jnp.maximum(data_budget - first, 0.0)], axis=-1)
        weight = jnp.exp(binomial_log_pmf(first, data_budget, jnp.asarray(0.5)))
        correct = jnp.sum(weight * jax.vmap(correct_given)(counts))
    else:
        correct = correct_given(data_budget[None])
    forms = (PLAIN(setting), PROPER(setting), SHARP(setting), MATCHING(setting))
    return forms, correct, expert_gain(setting)


supports = st.lists(st.integers(0, 16), min_size=8, max_size=8).filter(lambda s: len(set(s)) > 1)


@pytest.mark.parametrize("population", [False, True], ids=["one prompt", "two prompts"])
@given(
    support=supports,
    data_budget=st.integers(1, 400),
    log2_class_size=st.integers(1, 40),
    radius=st.floats(0.001, 2.0),
)
def test_other_laws_against_exact_mle(support, data_budget, log2_class_size, radius, population):
    if population:
        rows = jnp.array([support[:4], support[4:]], dtype=float)
        data_budget = 1 + data_budget % MOST_TRACES
    else:
        rows = jnp.array([support], dtype=float)
    budget, size = jnp.asarray(float(data_budget)), jnp.asarray(float(log2_class_size))
    forms, correct, gain = general(rows, budget, size, radius, population)
    plain, proper, sharp, matching = (float(form) for form in forms)
    # The FFT lattice breaks exact ties at random; the slack is its error.
    risk = (1 - float(correct)) * float(gain) + 5e-3 * float(gain)
    assert max(plain, proper, sharp) <= risk
    assert sharp >= plain - 1e-9
    assert float(correct) <= matching + 5e-3 or float(gain) == 0


@jax.jit
def fixed_sharp(data_budget, log2_class_size, tilt):
    return SHARP(two_level_setting(data_budget, log2_class_size, tilt**2, tilt**2))


def test_sharp_form_nears_its_root_two():
    # At fixed tilts, as every tilt gives a valid bound; the plain form's own best is exact.
    data_budget, size = 5e5, 1000.0
    plain = float(hardest(data_budget, size, 1.0)["plain"])
    sharp = max(float(fixed_sharp(data_budget, size, t)) for t in np.linspace(0.04, 0.05, 11))
    assert 1.25 < sharp / plain < 2**0.5


def test_huge_classes_and_budgets_stay_finite_in_float32():
    narrow = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32), two_level_setting(65_536.0, 200.0, 0.01, 0.01)
    )
    wide = two_level_setting(65_536.0, 200.0, 0.01, 0.01)
    for form in (PLAIN, PROPER, SHARP, MEDIAN, MATCHING):
        low, high = jax.jit(form)(narrow), jax.jit(form)(wide)
        assert low.dtype == jnp.float32
        np.testing.assert_allclose(low, high, rtol=1e-3, atol=1e-3)


def test_population_uses_the_mean_growth_of_the_likelihood():
    setting = two_level_setting(30.0, 10.0, 0.25, 0.25)
    law = two_level(jnp.array([8.0, 8.0]), jnp.array([1.0, 0.0]))
    mixed = replace(setting, law=law)
    # The second prompt has one return only, so its likelihood ratio is always 1.
    assert float(log_information(mixed)) == pytest.approx(
        0.5 * (30 * np.log((1.25 + 1) / 2) - 10 * np.log(2))
    )
    assert float(expert_gain(mixed)) == pytest.approx(0.25)
