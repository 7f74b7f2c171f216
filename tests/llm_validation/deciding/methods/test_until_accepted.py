"""Drawing until a check accepts, against every order of the samples."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation.deciding.methods.until_accepted import until_accepted, until_right

SIZE = 5
flags = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)
lengths = st.lists(st.integers(1, 9), min_size=SIZE, max_size=SIZE)


@given(flags, flags, lengths, st.integers(1, SIZE))
def test_every_order(right: list[bool], accept: list[bool], length: list[int], most: int) -> None:
    rewards, samples, tokens = [], [], []
    for order in itertools.permutations(range(SIZE)):
        drawn = list(order[:most])
        hits = [place for place, sample in enumerate(drawn) if accept[sample]]
        drawn = drawn[: hits[0] + 1] if hits else drawn
        rewards.append(right[drawn[-1]])
        samples.append(len(drawn))
        tokens.append(sum(length[sample] for sample in drawn))
    found = made([right], length=[length])
    by_check = until_accepted("tried", found, np.array([accept]), most, checked=False)
    assert by_check.values[0] == pytest.approx(np.mean(rewards))
    assert by_check.samples[0] == pytest.approx(np.mean(samples))
    assert by_check.tokens[0] == pytest.approx(np.mean(tokens))
    assert by_check.checks == 0


@given(flags, st.integers(1, SIZE))
def test_an_exact_check_gives_pass_at_n(right: list[bool], most: int) -> None:
    found = until_right(made([right]), most)
    sets = list(itertools.combinations(right, most))
    assert found.values[0] == pytest.approx(np.mean([any(each) for each in sets]))
    assert found.checks == pytest.approx(found.samples[0])
    assert np.isnan(found.tokens[0])
