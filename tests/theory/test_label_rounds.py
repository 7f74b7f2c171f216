"""Two rounds of labels against the game played out in fractions: every column, trace and pick."""

from collections import defaultdict
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from math import log, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory import RewardLaw, greedy_policy
from verigap.theory.arrays import host_array
from verigap.theory.lattices import label_lattice
from verigap.theory.risks import label_information, survivor_share, two_round_share
from verigap.theory.risks.label_rounds import _one_of_two

Law = dict[tuple[frozenset[int], int], Fraction]


@cache
def columns(returns: tuple[int, ...], codewords: int) -> list[tuple[tuple[int, ...], ...]]:
    """What the codewords say of the traces of one prompt; the first one is true."""
    return list(product(permutations(returns), repeat=codewords))


def after_label(
    before: Law, returns: tuple[int, ...], codewords: int, ratio: dict[int, Fraction] | None
) -> Law:
    """One more labelled trace: of the base, or of the policy of the codeword that is trusted."""
    after: Law = defaultdict(Fraction)
    made = columns(returns, codewords)
    for (left, trusted), chance in before.items():
        for column in made:
            for trace in range(len(returns)):
                drawn = Fraction(1, len(returns) * len(made))
                if ratio is not None:
                    drawn *= ratio[column[trusted][trace]]
                fits = frozenset(j for j in left if column[j][trace] == column[0][trace])
                after[fits, trusted] += chance * drawn
    return after


def played_out(
    returns: tuple[int, ...],
    ratio: dict[int, Fraction],
    codewords: int,
    first: int,
    second: int,
    on_policy: bool,
) -> Fraction:
    law: Law = {(frozenset(range(1, codewords)), 0): Fraction(1)}
    for _ in range(first):
        law = after_label(law, returns, codewords, None)
    picked: Law = defaultdict(Fraction)
    for (left, _), chance in law.items():
        for trusted in (0, *left):
            picked[left, trusted] += chance / (len(left) + 1)
    for _ in range(second):
        picked = after_label(picked, returns, codewords, ratio if on_policy else None)
    return sum((p / (len(left) + 1) for (left, _), p in picked.items()), Fraction(0))


def ratio_of(returns: tuple[int, ...], weights: dict[int, int]) -> dict[int, Fraction]:
    total = sum(weights[r] for r in returns)
    return {r: Fraction(weights[r] * len(returns), total) for r in set(returns)}


@settings(max_examples=20)
@given(
    st.sampled_from([((0, 8), 2), ((0, 8), 4), ((0, 0, 8), 2), ((0, 8, 8), 3), ((0, 3, 8), 3)]),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
)
def test_against_the_game_played_out(
    case: tuple[tuple[int, ...], int],
    weights: tuple[int, int, int],
    first: int,
    second: int,
    on_policy: bool,
) -> None:
    returns, codewords = case
    ratio = ratio_of(returns, dict(zip((0, 3, 8), weights, strict=True)))
    expected = played_out(returns, ratio, codewords, first, second, on_policy)
    law = RewardLaw.equiprobable(host_array([[float(r) for r in returns]]))
    played = host_array([[float(ratio[r]) for r in returns]])
    found = two_round_share(law, played, first, second, log2(codewords), on_policy=on_policy)
    assert found == pytest.approx(float(expected), abs=1e-12)


@given(st.floats(0.05, 0.95), st.integers(1, 20), st.integers(0, 10), st.integers(0, 10))
def test_rounds_of_the_base_are_one_round(p: float, size: int, first: int, second: int) -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[1.0 - p, p]]))
    share = two_round_share(law, greedy_policy(law), first, second, log2(size), on_policy=False)
    if first + second:
        labels = label_lattice(law, host_array(float(first + second)), 1 << 14)
        one = float(survivor_share(labels, host_array(log2(size))))
        assert share == pytest.approx(one, abs=1e-3)
    flat = host_array([[1.0, 1.0]])
    whole = two_round_share(law, flat, first + second, 0, log2(size))
    assert share == pytest.approx(whole, abs=1e-12)


@given(st.floats(0.02, 0.98))
def test_when_a_label_of_the_policy_says_more(p: float) -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[1.0 - p, p]]))
    found = label_information(law, greedy_policy(law))
    assert found.on_policy == pytest.approx(log(1 / p))
    assert (found.on_policy > found.base) == (p < 0.5)


@pytest.mark.parametrize(
    ("p", "pays"), [(1 / 16, True), (1 / 8, True), (0.25, True), (0.75, False), (0.9, False)]
)
def test_a_short_second_round_pays_where_success_is_rare(p: float, pays: bool) -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[1.0 - p, p]]))
    policy = greedy_policy(law)
    shares = [two_round_share(law, policy, 24 - last, last, 8.0) for last in range(0, 25, 2)]
    assert (max(shares) > shares[0] + 1e-6) == pays
    if pays:
        # A pick that is wrong is found out by a few labels.
        assert 2 <= 2 * int(np.argmax(shares)) <= 8


@pytest.mark.parametrize("p", [0.05, 0.3, 0.45, 0.5, 0.55, 0.7, 0.95])
def test_half_is_where_the_policy_and_the_base_change_places(p: float) -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[1.0 - p, p]]))
    for size, first, second in product((1.0, 4.0, 8.0), (0, 1, 4, 16), (1, 2, 6)):
        policy, base = (
            two_round_share(law, greedy_policy(law), first, second, size, on_policy=fresh)
            for fresh in (True, False)
        )
        if p <= 0.5:
            assert policy >= base - 1e-12
        if p >= 0.5:
            assert policy <= base + 1e-12


def test_refusals() -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[0.5, 0.5]]))
    with pytest.raises(ValueError, match="log2_class_size: 131072 codewords"):
        two_round_share(law, greedy_policy(law), 1, 1, 17.0)
    wide = RewardLaw.equiprobable(host_array([np.arange(16.0).tolist()]))
    with pytest.raises(ValueError, match="data_budget: 20 labels of 16 different returns"):
        two_round_share(wide, greedy_policy(wide), 20, 1, 4.0)
    several = RewardLaw.equiprobable(host_array([[0.0, 8.0], [0.0, 4.0]]))
    with pytest.raises(ValueError, match="one prompt"):
        label_information(several, greedy_policy(several))


@pytest.mark.parametrize("fits", [1e-12, 1e-7, 1e-5, 3e-4, 0.2, 0.9, 1.0])
def test_two_and_a_binomial(fits: float) -> None:
    others = np.array([0.0, 1.0, 5.0, 200.0])
    nodes, weights = np.polynomial.legendre.leggauss(120)
    at = (nodes + 1) / 2
    expected = [float(weights @ (at * (1 - fits + fits * at) ** m)) / 2 for m in others]
    np.testing.assert_allclose(_one_of_two(others, fits), expected, rtol=1e-9)
