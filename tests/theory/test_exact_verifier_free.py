"""VF-LOWER in all its forms against the exact Bayes risk, by enumeration of whole small games.

Everything is an integer until the last division: experts have rational density ratios, and the
mean gain of the best learner is (1/M) E_base[max over policies of sum_j L_j J_j], without a
posterior to normalise.
"""

from fractions import Fraction
from functools import partial
from itertools import permutations, product
from math import comb, lcm, log
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jaxtyping import Array, Float

from verigap.theory.balls import Divergence, named_radius
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.laws import RewardLaw

Number = Float[Array, ""]
HORIZON = 12
FORMS = [name for name in BOUNDS if name.startswith("VF-LOWER")]


class Game(NamedTuple):
    """Prompts with their K returns, ascending, and the expert's density ratio to each of them."""

    returns: list[list[int]]
    ratios: list[list[Fraction]]

    @property
    def gain(self) -> Fraction:
        """E_x[J*_x - mu_x]."""
        total = sum(
            (
                (w - 1) * r
                for rs, ws in zip(*self, strict=True)
                for r, w in zip(rs, ws, strict=True)
            ),
            Fraction(0),
        )
        return total / sum(map(len, self.returns))

    @property
    def radius(self) -> Fraction:
        """The largest chi-square of the expert over prompts."""
        return max(sum((w * w for w in ws), Fraction(0)) / len(ws) - 1 for ws in self.ratios)

    @property
    def nats(self) -> float:
        """The largest KL divergence of the expert over prompts."""
        return max(sum(float(w) * log(w) for w in ws if w) / len(ws) for ws in self.ratios)


class Exact(NamedTuple):
    bayes: Fraction
    cloning: Fraction
    matching: Fraction


def columns(returns: list[int], size: int) -> np.ndarray:
    """What all codewords say about a fresh prompt, (codewords, prompts, K); one is the identity."""
    orders = np.array(list(permutations(range(len(returns)))))
    chosen = np.indices((len(orders),) * (size - 1)).reshape(size - 1, -1)
    first = np.broadcast_to(np.arange(len(returns)), (1, chosen.shape[1], len(returns)))
    return np.array(returns, float)[np.concatenate([first, orders[chosen]])]


def enumerate_game(game: Game, size: int, traces: int, together: int = 1) -> Exact:
    """Exact risks of the Bayes learner and of cloning, and the chance to match the expert.

    A learner can match `together` codewords at once, and does so with the likeliest.
    """
    scale = lcm(*(w.denominator for ws in game.ratios for w in ws))
    atoms, prompts = len(game.returns[0]), len(game.returns)
    fresh = [columns(returns, size) for returns in game.returns]
    value = best = top = Fraction(0)
    for asked in product(range(prompts), repeat=traces):
        # Under the base a codeword's labels are uniform, whatever the others say.
        law: dict[int, int] = {}
        for labels in product(range(atoms), repeat=traces):
            likelihood = 1
            for x, label in zip(asked, labels, strict=True):
                likelihood *= int(scale * game.ratios[x][label])
            law[likelihood] = law.get(likelihood, 0) + 1
        index = np.indices((len(law),) * size).reshape(size, -1)
        rows = np.array([*law], float)[index].T
        assert rows.max() * HORIZON * size * fresh[0].size < 2**53, "floats hold these integers"
        ways = [int(count) for count in np.array([*law.values()])[index].prod(axis=0)]

        def average(numbers: np.ndarray, ways: list[int] = ways) -> Fraction:
            whole = sum(count * int(number) for count, number in zip(ways, numbers, strict=True))
            return Fraction(whole, size * (scale * prompts) ** traces * atoms ** (traces * size))

        for column in fresh:
            earned = (rows @ column.reshape(size, -1)).reshape(-1, column.shape[1], atoms)
            value += average(earned.max(axis=-1).sum(axis=-1)) / column.shape[1] / prompts
        best += average(rows.max(axis=1))
        top += average(np.sort(rows, axis=1)[:, -together:].sum(axis=1))
    mean = Fraction(sum(map(sum, game.returns)), atoms * prompts)
    return Exact(game.gain - (value - mean), (1 - best) * game.gain, top)


def literal_bayes_risk(game: Game, size: int, traces: int) -> Fraction:
    """The same by plain enumeration of prompts, traces and codewords of one prompt law."""
    (returns,), (ratio,) = game
    atoms = range(len(returns))
    prompts = list(product(permutations(atoms), repeat=size))
    gain = Fraction(0)
    for data in product(product(prompts, atoms), repeat=traces):
        likelihood = [Fraction(1)] * size
        for labels, trace in data:
            likelihood = [p * ratio[labels[j][trace]] for j, p in enumerate(likelihood)]
        for fresh in prompts:
            gain += max(
                sum(p * returns[fresh[j][i]] for j, p in enumerate(likelihood)) for i in atoms
            )
    draws = (len(prompts) * len(returns)) ** traces * len(prompts) * size
    return game.gain - (gain / draws - Fraction(sum(returns), len(returns)))


@partial(jax.jit, static_argnames="divergence")
def forms_of(
    support: Float[Array, "prompts K"],
    traces: Number,
    size: Number,
    radius: Number,
    divergence: Divergence,
) -> dict[str, Number]:
    setting = Setting.from_law(
        RewardLaw.equiprobable(support),
        horizon=float(HORIZON),
        data_budget=traces,
        log2_class_size=size,
        expert_radius=radius,
        **named_radius(divergence, radius),
    )
    values = {name: BOUNDS[name].value(setting) for name in FORMS}
    held = BOUNDS["VF-LOWER-MEDIAN"].assumptions_hold(setting)
    return {**values, "attained": jnp.asarray(held, float)}


def check(
    game: Game, log2_size: int, traces: int, together: int = 1, divergence: Divergence = "chi2"
) -> tuple[Exact, dict]:
    exact = enumerate_game(game, 2**log2_size, traces, together)
    radius = game.radius if divergence == "chi2" else game.nats
    parts = (jnp.asarray(float(part)) for part in (traces, log2_size, radius))
    found = forms_of(jnp.asarray(game.returns, float), *parts, divergence)
    values = {name: float(value) for name, value in found.items()}
    slack = 1e-9 * HORIZON
    assert exact.bayes <= exact.cloning
    assert values["VF-LOWER"] <= float(exact.bayes) + slack
    assert values["VF-LOWER-SHARP"] <= float(exact.bayes) + slack
    assert values["VF-LOWER-PROPER"] <= float(exact.cloning) + slack
    if len(game.returns) == 1 and len(game.returns[0]) == 2:
        # The risk of cloning itself.
        assert values["VF-LOWER-PROPER"] == pytest.approx(float(exact.cloning), abs=slack)
    assert values["VF-LOWER-PROBABILITY"] >= float(exact.matching) - 1e-9
    if values["attained"]:
        assert values["VF-LOWER-MEDIAN"] <= values["VF-LOWER"] + slack
    return exact, values


def two_level_game(tilt: Fraction) -> Game:
    return Game([[0, HORIZON]], [[1 - tilt, 1 + tilt]])


def most_matched(tilt: Fraction, size: int) -> int:
    """Codewords whose experts one policy can equal: as many as agree by the tilt on average."""
    agreement = [Fraction(comb(m - 1, (m - 1) // 2), 2 ** (m - 1)) for m in range(1, size + 1)]
    return sum(agreed >= tilt for agreed in agreement)


tilts = st.fractions(Fraction(1, 12), 1, max_denominator=12)


@given(st.sampled_from([(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)]), tilts)
def test_two_level(shape: tuple[int, int], tilt: Fraction) -> None:
    check(two_level_game(tilt), *shape, together=most_matched(tilt, 2 ** shape[0]))


@pytest.mark.parametrize("traces", [2, 3])
@pytest.mark.parametrize("tilt", [Fraction(1, 3), Fraction(2, 3), Fraction(1)])
def test_eight_codewords(traces: int, tilt: Fraction) -> None:
    exact, values = check(two_level_game(tilt), 3, traces, together=most_matched(tilt, 8))
    if tilt == Fraction(2, 3) and traces == 2:
        # Not vacuous: 2/3 - 8^{-1/2} 13/9 of H/2.
        assert values["VF-LOWER"] == pytest.approx(6 * (2 / 3 - 13 / 9 / 8**0.5))
        assert 0.2 * exact.bayes < values["VF-LOWER"]
        assert values["VF-LOWER-PROBABILITY"] < 0.8


three_returns = st.lists(st.integers(0, HORIZON), min_size=3, max_size=3).map(sorted)


def expert_ratio(returns: list[int], root: Fraction) -> list[Fraction]:
    """w = b (R - root)_+, the best of its ball (Lemma 3)."""
    raw = [max(r - root, Fraction(0)) for r in returns]
    return [len(raw) * w / sum(raw) for w in raw]


@settings(max_examples=30)
@given(
    three_returns,
    st.fractions(-12, 11, max_denominator=3),
    st.sampled_from([(1, 1), (1, 2), (2, 1)]),
)
def test_three_traces(returns: list[int], root: Fraction, shape: tuple[int, int]) -> None:
    assume(root < returns[-1] and returns[0] < returns[-1])
    check(Game([returns], [expert_ratio(returns, root)]), *shape)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, HORIZON), min_size=6, max_size=6),
    st.integers(1, 10),
    st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]),
)
def test_population(ends: list[int], tenths: int, shape: tuple[int, int]) -> None:
    # The same tilt on all three prompts, of which some may be point masses.
    returns = [sorted(ends[:2]), sorted(ends[2:4]), sorted(ends[4:])]
    tilt = Fraction(tenths, 10)
    ratios = [
        [1 - tilt, 1 + tilt] if low < high else [Fraction(1), Fraction(1)] for low, high in returns
    ]
    assume(any(low < high for low, high in returns))
    check(Game(returns, ratios), *shape)


def gibbs_ratio(returns: list[int], base: Fraction) -> list[Fraction]:
    """w = base^R / Z: rational, the best of its KL ball (Lemma 6)."""
    raw = [base**r for r in returns]
    return [len(raw) * w / sum(raw) for w in raw]


# Small, so that floats hold the products of likelihoods.
small_returns = st.lists(st.integers(0, 3), min_size=3, max_size=3).map(sorted)


@settings(max_examples=30)
@given(
    small_returns,
    st.sampled_from([Fraction(5, 4), Fraction(3, 2), Fraction(2), Fraction(3)]),
    st.sampled_from([(1, 1), (1, 2), (2, 1)]),
)
def test_gibbs_experts_of_three_traces(
    returns: list[int], base: Fraction, shape: tuple[int, int]
) -> None:
    assume(returns[0] < returns[-1])
    game = Game([returns], [gibbs_ratio(returns, base)])
    _, values = check(game, *shape, divergence="kl")
    # The ceiling of Lemma 2 is attained where the ratio is affine in the return.
    assert bool(values["attained"]) == (len(set(returns)) == 2)


@settings(max_examples=20)
@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=2, unique=True).map(sorted),
    st.integers(0, 3),
    st.sampled_from([Fraction(5, 4), Fraction(2), Fraction(5)]),
    st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]),
)
def test_gibbs_experts_of_a_population(
    ends: list[int], fixed: int, base: Fraction, shape: tuple[int, int]
) -> None:
    # The same divergence on both prompts that have any, as their returns are as far apart.
    returns = [ends, [fixed, fixed], [0, ends[1] - ends[0]]]
    game = Game(returns, [gibbs_ratio(each, base) for each in returns])
    check(game, *shape, divergence="kl")


def test_half_the_median_is_all_that_a_population_promises() -> None:
    # Two prompts in three have spread: the mean is 2/3 of the median, and 1 median is too much.
    tilt = Fraction(1, 2)
    fair, tilted = [Fraction(1), Fraction(1)], [1 - tilt, 1 + tilt]
    game = Game([[6, 6], [0, 12], [0, 12]], [fair, tilted, tilted])
    _, values = check(game, 2, 1)
    assert values["attained"]
    unlocked = 6 * (2 / 3) ** 0.5 / 2 * (1 + 1 / 6) ** 0.5
    assert values["VF-LOWER"] == pytest.approx(2 - unlocked)
    assert values["VF-LOWER-MEDIAN"] == pytest.approx(1.5 - unlocked)


def test_enumeration_by_labels_is_plain_enumeration() -> None:
    tilt = Fraction(1, 3)
    for size, traces in [(2, 1), (2, 2), (4, 1)]:
        game = two_level_game(tilt)
        assert enumerate_game(game, size, traces).bayes == literal_bayes_risk(game, size, traces)
    game = Game([[0, 2, 7]], [expert_ratio([0, 2, 7], Fraction(1))])
    assert enumerate_game(game, 2, 1).bayes == literal_bayes_risk(game, 2, 1)
