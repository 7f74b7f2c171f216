"""Guided beam search: which beams are kept, and where the search ends."""

from collections import Counter
from itertools import permutations

import jax
import numpy as np
import pytest

from tests.sim.planted.methods.small_methods import small_instance
from verigap.sim.planted.methods.guided_beam import guided_beam, kept_beams
from verigap.sim.planted.methods.parameters import BeamSpec, VerifierSpec
from verigap.sim.planted.methods.verifiers import learned_verifier


def test_the_best_are_kept_at_temperature_0() -> None:
    kept = kept_beams(np.asarray([[0.1, 0.5, -1.0, 0.3]]), 2, 0.0, np.random.default_rng(0))
    assert kept.tolist() == [[1, 3]]


def test_beams_are_drawn_without_replacement_by_their_scores() -> None:
    scores, draws = np.log([0.5, 0.3, 0.2]), 60_000
    kept = kept_beams(np.tile(scores / 2, (draws, 1)), 2, 0.5, np.random.default_rng(0))
    seen = Counter(map(tuple, kept.tolist()))
    shares = np.exp(scores)
    for first, second in permutations(range(3), 2):
        expected = shares[first] * shares[second] / (1 - shares[first])
        assert seen[first, second] / draws == pytest.approx(expected, abs=0.01)


def test_without_a_verifier_likely_traces_are_found() -> None:
    instance, base = small_instance()
    key = jax.random.key(2)
    likely = guided_beam(key, instance, base, None, BeamSpec(step=2), 64, 4)
    assert likely.samples == 64
    assert likely.value.shape == (3,)
    # So many candidates leave nothing to chance: independent searches end alike.
    again = guided_beam(jax.random.key(9), instance, base, None, BeamSpec(step=2), 512, 4)
    np.testing.assert_array_equal(again.value, np.round(again.value))


def test_trusting_the_base_alone_is_having_no_verifier() -> None:
    instance, base = small_instance()
    verifier = learned_verifier(jax.random.key(4), VerifierSpec(name="v"), instance, base)
    key = jax.random.key(2)
    alone = guided_beam(key, instance, base, None, BeamSpec(step=2), 8, 2)
    trusting = guided_beam(key, instance, base, verifier, BeamSpec(step=2, trust=1.0), 8, 2)
    guided = guided_beam(key, instance, base, verifier, BeamSpec(step=2, trust=0.0), 8, 2)
    np.testing.assert_array_equal(alone.value, trusting.value)
    assert not np.array_equal(alone.value, guided.value)
