"""Guided beam search: which beams are kept, and where the search ends."""

from collections import Counter
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.planted.methods.small_methods import sharp_instance, small_instance
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.methods.guided_beam import guided_beam, kept_beams
from verigap.sim.planted.methods.parameters import BeamSpec, VerifierSpec
from verigap.sim.planted.methods.verifiers import learned_verifier
from verigap.sim.planted.task import returns


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
    # So many candidates hold every continuation, and nothing is left to chance.
    instance, base = sharp_instance()
    found = guided_beam(jax.random.key(9), instance, base, None, BeamSpec(width=1, step=2), 2048, 4)
    prompts = instance.prompts[1]
    pairs = np.stack(np.meshgrid(*[np.arange(4, dtype=np.int32)] * 2), axis=-1).reshape(-1, 2)
    best = np.zeros((len(prompts), 0), np.int32)
    for _ in range(3):
        grown = np.concatenate([np.repeat(best, 16, axis=0), np.tile(pairs, (len(best), 1))], 1)
        ids = jnp.repeat(prompt_ids(instance.task, prompts), 16, axis=0)
        parts = log_probabilities(base, instance.config, ids, jnp.asarray(grown))[:, -2:]
        chosen = np.asarray(parts.sum(axis=1)).reshape(-1, 16).argmax(axis=1)
        best = grown.reshape(-1, 16, grown.shape[1])[np.arange(len(best)), chosen]
    expected = returns(instance.task, prompts, jnp.asarray(best))
    np.testing.assert_array_equal(found.value, expected)
    assert len(set(found.value.tolist())) > 1
    assert found.samples == 2048


def test_trusting_the_base_alone_is_having_no_verifier() -> None:
    instance, base = small_instance()
    verifier = learned_verifier(jax.random.key(4), VerifierSpec(name="v"), instance, base)
    key = jax.random.key(2)
    alone = guided_beam(key, instance, base, None, BeamSpec(step=2), 8, 2)
    trusting = guided_beam(key, instance, base, verifier, BeamSpec(step=2, trust=1.0), 8, 2)
    guided = guided_beam(key, instance, base, verifier, BeamSpec(step=2, trust=0.0), 8, 2)
    np.testing.assert_array_equal(alone.value, trusting.value)
    assert not np.array_equal(alone.value, guided.value)
