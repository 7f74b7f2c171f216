"""Labels that are wrong by chance, against the game played out in fractions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.risks import (
    all_or_nothing,
    leashed_shares,
    noisy_label_information,
    noisy_label_share,
)

successes = st.sampled_from([Fraction(1, 2), Fraction(1, 8), Fraction(2, 3)])
noises = st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(1, 2)])


def played(success: Fraction, flip: Fraction, traces: int, codewords: int) -> Fraction:
    """Every return that every codeword gives every trace, and every flip; the true one is first."""
    law = {0: 1 - success, 1: success}
    outcomes = []
    for columns in product((0, 1), repeat=codewords):
        for flipped in (False, True):
            chance = flip if flipped else 1 - flip
            for value in columns:
                chance *= law[value]
            label = 1 - columns[0] if flipped else columns[0]
            if chance:
                outcomes.append((chance, tuple(value != label for value in columns)))
    total = Fraction(0)
    for drawn in product(outcomes, repeat=traces):
        chance = Fraction(1)
        for each, _ in drawn:
            chance *= each
        missed = [sum(wrong[j] for _, wrong in drawn) for j in range(codewords)]
        if missed[0] == min(missed):
            total += chance / missed.count(min(missed))
    return total


@settings(max_examples=15)
@given(successes, noises, st.integers(0, 3), st.integers(2, 3))
def test_share_by_playing_the_game(
    success: Fraction, flip: Fraction, traces: int, codewords: int
) -> None:
    found = noisy_label_share(float(success), float(flip), traces, float(np.log2(codewords)))
    expected = float(played(success, flip, traces, codewords))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "bits"), [(4, 2.0), (24, 10.0), (60, 40.0)])
def test_without_noise_it_is_a_random_consistent_reward(n: int, bits: float) -> None:
    for success in (0.1, 0.5, 0.7):
        game = all_or_nothing(success, success)
        expected = leashed_shares(*game, n, bits).verifying
        assert noisy_label_share(success, 0.0, n, bits) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "bits"), [(1, 1.0), (16, 4.0), (100, 20.0)])
def test_with_even_odds_a_label_is_a_demonstration_by_an_expert_of_one_less_the_noise(
    n: int, bits: float
) -> None:
    for noise in (0.0, 0.1, 0.3, 0.45):
        expected = leashed_shares(*all_or_nothing(0.5, 1.0 - noise), n, bits).cloning
        assert noisy_label_share(0.5, noise, n, bits) == pytest.approx(expected, rel=1e-10)


def test_share_never_rises_with_the_noise_and_ends_at_a_guess() -> None:
    for success in (0.1, 0.5, 0.8):
        noises = np.linspace(0.0, 0.5, 9).tolist()
        shares = [noisy_label_share(success, f, 20, 8.0) for f in noises]
        assert (np.diff(shares) <= 1e-12).all()
        assert shares[-1] == pytest.approx(2.0**-8)


def test_information_is_that_of_the_channel() -> None:
    for success, noise in ((0.5, 0.1), (0.2, 0.3), (0.9, 0.0)):
        joint = np.outer([1 - success, success], [1.0, 1.0])
        joint *= np.array([[1 - noise, noise], [noise, 1 - noise]])
        apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        known = joint > 0
        expected = float((joint[known] * np.log(joint[known] / apart[known])).sum())
        assert noisy_label_information(success, noise) == pytest.approx(expected)


def test_numbers_out_of_range_are_refused() -> None:
    for success, noise, match in ((0.0, 0.1, "success"), (0.5, 0.6, "label_noise")):
        with pytest.raises(ValueError, match=match):
            noisy_label_share(success, noise, 4, 4.0)
        with pytest.raises(ValueError, match=match):
            noisy_label_information(success, noise)
    for n, bits in ((-1, 4.0), (4, 0.0)):
        with pytest.raises(ValueError, match="n >= 0 and d > 0"):
            noisy_label_share(0.5, 0.1, n, bits)
