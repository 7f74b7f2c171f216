"""VB-UPPER-NOISE by enumeration: every draw and every flip, the worst reward that fits best."""

from fractions import Fraction
from itertools import product
from math import log2, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.bounds.example import example_setting
from verigap.theory.bounds.vb_noise import vb_upper_noise

HORIZON, PLACES = 8, 4
Reward = tuple[int, ...]

rewards = st.tuples(*[st.sampled_from([0, HORIZON])] * PLACES)
bases = st.tuples(*[st.integers(1, 6)] * PLACES).map(
    lambda weights: [Fraction(w, sum(weights)) for w in weights]
)


def worst_fit(
    base: list[Fraction], members: list[Reward], flip: Fraction, traces: int
) -> tuple[Fraction, list[tuple[Fraction, list[Reward]]]]:
    """Mean error of the worst reward that disagrees with fewest labels, and which ones do."""
    truth = members[0]
    error = {
        m: sum((p for p, r, t in zip(base, m, truth, strict=True) if r != t), Fraction(0))
        for m in members
    }
    mean, law = Fraction(0), []
    for drawn in product(range(PLACES), repeat=traces):
        for flipped in product([False, True], repeat=traces):
            chance = Fraction(1)
            for place, wrong in zip(drawn, flipped, strict=True):
                chance *= base[place] * (flip if wrong else 1 - flip)
            labels = [
                HORIZON - truth[place] if wrong else truth[place]
                for place, wrong in zip(drawn, flipped, strict=True)
            ]
            missed = [
                sum(m[place] != label for place, label in zip(drawn, labels, strict=True))
                for m in members
            ]
            fit = [m for m, k in zip(members, missed, strict=True) if k == min(missed)]
            mean += chance * max(error[m] for m in fit)
            law.append((chance, fit))
    return mean, law


def share(base: list[Fraction], reward: Reward, truth: Reward, coverage: Fraction) -> Fraction:
    """True value of the best share under a reward, of equals the truly worst."""
    left, total = coverage, Fraction(0)
    for i in sorted(range(PLACES), key=lambda i: (-reward[i], truth[i])):
        taken = min(left, base[i])
        left, total = left - taken, total + taken * truth[i]
    return total / coverage


@settings(max_examples=60)
@given(
    st.lists(rewards, min_size=2, max_size=4, unique=True),
    bases,
    st.sampled_from([Fraction(0), Fraction(1, 20), Fraction(1, 5), Fraction(2, 5)]),
    st.integers(1, 3),
    st.fractions(Fraction(1, 20), 1, max_denominator=20),
)
def test_no_class_exceeds_the_bound(
    members: list[Reward],
    base: list[Fraction],
    flip: Fraction,
    traces: int,
    coverage: Fraction,
) -> None:
    setting = example_setting(
        horizon=1.0,
        data_budget=float(traces),
        log2_class_size=log2(len(members)),
        label_noise=float(flip),
    )
    worst = float(vb_upper_noise(setting)) * float(setting.coverage)
    mean, law = worst_fit(base, members, flip, traces)
    assert float(mean) <= worst + 1e-9
    goal = share(base, members[0], members[0], coverage)
    lost = sum(
        (p * (goal - min(share(base, m, members[0], coverage) for m in fit)) for p, fit in law),
        Fraction(0),
    )
    assert float(lost) <= HORIZON / float(coverage) * worst + 1e-9


def test_without_the_factor_it_is_false() -> None:
    # One rival that errs on everything: it fits a label in ten by chance.
    base, flip = [Fraction(1, 4)] * 4, Fraction(1, 10)
    mean, _ = worst_fit(base, [(8, 8, 8, 8), (0, 0, 0, 0)], flip, 2)
    assert mean == 1 - Fraction(9, 10) ** 2
    setting = example_setting(horizon=1.0, data_budget=2.0, log2_class_size=1.0, label_noise=0.1)
    bound = float(vb_upper_noise(setting)) * 0.5
    assert bound == pytest.approx(4 / 27 / (1 - 2 * sqrt(0.09)))
    assert bound * (1 - 2 * sqrt(0.09)) < float(mean) < bound


def test_chernoff_factor() -> None:
    # min over lambda of (1 - f) lambda + f / lambda.
    for flip in (0.01, 0.2, 0.45):
        grid = np.geomspace(1e-3, 1, 100_001)
        found = ((1 - flip) * grid + flip / grid).min()
        assert found == pytest.approx(2 * sqrt(flip * (1 - flip)), rel=1e-6)
