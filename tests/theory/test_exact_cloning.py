"""VF-UPPER on arbitrary small policy classes: the law of cloning's loss, in rational arithmetic."""

from dataclasses import replace
from fractions import Fraction
from math import comb, log2, prod

import jax
import jax.numpy as jnp
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.families import two_level

Number = Float[Array, ""]
HORIZON, PARTS, POLICIES = 8, 12, 3
# Prompts, traces on each, and the most demonstrations that are enumerated.
SHAPES = [(1, 2, 200), (1, 3, 20), (2, 2, 10)]

Policy = list[list[int]]
"""Probabilities of the traces on each prompt, in twelfths."""


@st.composite
def games(draw: st.DrawFn) -> tuple[list[Policy], list[list[int]], int]:
    """A class whose first member is the expert, returns, and a data budget."""
    prompts, traces, most = draw(st.sampled_from(SHAPES))
    cuts = st.lists(st.integers(0, PARTS), min_size=traces - 1, max_size=traces - 1).map(sorted)
    row = cuts.map(lambda c: [b - a for a, b in zip([0, *c], [*c, PARTS], strict=True)])
    policy = st.lists(row, min_size=prompts, max_size=prompts)
    paid = st.lists(st.integers(0, HORIZON), min_size=traces, max_size=traces)
    members = draw(st.lists(policy, min_size=POLICIES, max_size=POLICIES))
    return members, [draw(paid) for _ in range(prompts)], draw(st.integers(1, most))


def moments(policy: Policy, paid: list[list[int]]) -> tuple[Fraction, Fraction, Fraction]:
    """J, E_x Var R and max_x E R."""
    means, variances = [], []
    for row, returns in zip(policy, paid, strict=True):
        first = sum(
            (Fraction(p * r, PARTS) for p, r in zip(row, returns, strict=True)), Fraction(0)
        )
        square = sum(Fraction(p * r * r, PARTS) for p, r in zip(row, returns, strict=True))
        means.append(first)
        variances.append(square - first**2)
    return sum(means, Fraction(0)) / len(paid), sum(variances, Fraction(0)) / len(paid), max(means)


def counts_of(total: int, kinds: int) -> list[list[int]]:
    if kinds == 1:
        return [[total]]
    return [[k, *rest] for k in range(total + 1) for rest in counts_of(total - k, kinds - 1)]


def law_of_the_loss(
    members: list[Policy], paid: list[list[int]], traces: int
) -> dict[Fraction, Fraction]:
    """Law of J(expert) - J(learner), the learner being the worst maximiser of the likelihood."""
    values = [moments(policy, paid)[0] for policy in members]
    flat = [[p for row in policy for p in row] for policy in members]
    law: dict[Fraction, Fraction] = {}
    for counts in counts_of(traces, len(flat[0])):
        likelihoods = [prod(p**k for p, k in zip(ps, counts, strict=True)) for ps in flat]
        if likelihoods[0]:
            ways, left = 1, traces
            for k in counts:
                ways, left = ways * comb(left, k), left - k
            best = max(likelihoods)
            worst = min(v for v, q in zip(values, likelihoods, strict=True) if q == best)
            chance = Fraction(ways * likelihoods[0], (PARTS * len(paid)) ** traces)
            law[values[0] - worst] = law.get(values[0] - worst, Fraction(0)) + chance
    assert sum(law.values()) == 1
    return law


@jax.jit
def bounds(
    traces: Number, size: Number, delta: Number, sd: Number, most: Number
) -> tuple[Number, Number]:
    """VF-UPPER, and its form in expectation."""
    setting = Setting.from_law(
        two_level(jnp.ones(1), jnp.ones(1)),
        horizon=float(HORIZON),
        data_budget=traces,
        log2_class_size=size,
        chi2_radius=1.0,
        failure_probability=delta,
    )
    setting = replace(setting, expert_sd=sd, expert_mean_max=most)
    return BOUNDS["VF-UPPER"].value(setting), BOUNDS["VF-UPPER-EXPECTATION"].value(setting)


def evaluated(
    members: list[Policy], paid: list[list[int]], traces: int, delta: float
) -> tuple[float, float]:
    _, variance, most = moments(members[0], paid)
    parts = (traces, log2(len(members)), delta, float(variance) ** 0.5, most)
    exceedance, mean = bounds(*(jnp.asarray(float(part)) for part in parts))
    return float(exceedance), float(mean)


def tightest(members: list[Policy], paid: list[list[int]], traces: int) -> float:
    """Largest ratio of a loss to the bound, over all delta at which that loss is too frequent."""
    law = law_of_the_loss(members, paid, traces)
    ratios = [0.0]
    for loss in law:
        if loss > 0:
            # A bound below this loss fails this often, so at any smaller delta it may not be.
            often = float(sum((p for other, p in law.items() if other >= loss), Fraction(0)))
            allowed, _ = evaluated(members, paid, traces, often * (1 - 1e-9))
            ratios.append(float(loss) / allowed)
    mean = float(sum((loss * p for loss, p in law.items()), Fraction(0)))
    assert mean <= evaluated(members, paid, traces, 0.5)[1] + 1e-9
    return max(ratios)


@given(games())
def test_no_class_exceeds_the_bound_too_often(
    game: tuple[list[Policy], list[list[int]], int],
) -> None:
    assert tightest(*game) <= 1 + 1e-12


def test_a_law_by_hand() -> None:
    # A fair expert on two traces; the alternatives always play one of them.
    members, paid = [[[6, 6]], [[12, 0]], [[0, 12]]], [[0, 8]]
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    assert law_of_the_loss(members, paid, 1) == {4: half, -4: half}
    # Two traces that differ refute both alternatives.
    assert law_of_the_loss(members, paid, 2) == {4: quarter, 0: half, -4: quarter}
    assert moments(members[0], paid) == (4, 16, 4)


def test_a_smaller_bound_is_exceeded() -> None:
    # Two hypotheses, 6/12 and 4/12: what VF-UPPER times 0.64 claims is false.
    assert 0.64 < tightest([[[6, 6]], [[8, 4]]], [[0, 8]], 200) < 1


def test_two_hypotheses_come_near_the_bound_in_expectation() -> None:
    # A fair expert, 1/3 as its rival, 60 traces.
    members, paid = [[[6, 6]], [[8, 4]]], [[0, 8]]
    mean = float(sum((loss * p for loss, p in law_of_the_loss(members, paid, 60).items())))
    _, allowed = evaluated(members, paid, 60, 0.5)
    assert 0.15 * allowed < mean < allowed
