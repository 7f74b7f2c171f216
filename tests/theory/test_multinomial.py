"""Types of N draws against enumeration of all sequences."""

from collections import defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.multinomial import multinomial


@given(st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any), st.integers(0, 4))
def test_types_by_enumeration(weights: list[int], draws: int) -> None:
    law = [Fraction(weight, sum(weights)) for weight in weights]
    expected: defaultdict[tuple[int, ...], Fraction] = defaultdict(Fraction)
    for sequence in product(range(len(law)), repeat=draws):
        chance = Fraction(1)
        for kind in sequence:
            chance *= law[kind]
        expected[tuple(sequence.count(kind) for kind in range(len(law)))] += chance
    found = multinomial(np.array([float(p) for p in law]), draws)
    rows = [tuple(row) for row in found.counts.tolist()]
    assert len(set(rows)) == len(rows) == len(expected)
    np.testing.assert_allclose(found.probabilities, [float(expected[row]) for row in rows])


def test_too_many_types_are_refused() -> None:
    with pytest.raises(ValueError, match="multinomial: 400 draws of 5 kinds have"):
        multinomial(np.full(5, 0.2), 400)
