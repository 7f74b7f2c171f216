"""Fresh prompts are uniform relabellings, and cloning learners see no reward."""

import dataclasses
import itertools
from math import factorial
from typing import get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.statistics import Estimate, assert_fits, assert_same_mean
from verigap.sim.relabelling.evidence import Belief, Demonstrations, Labels
from verigap.sim.relabelling.game import averaged_columns, relabel
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner

EVIDENCE = {"verifier-free": Demonstrations, "verifier-based": Labels}


@pytest.mark.parametrize("traces", [2, 3, 4])
def test_relabellings_are_uniform_permutations(traces: int) -> None:
    codewords = 48_000
    columns = relabel(jax.random.key(1), jnp.arange(traces, dtype=float), codewords)
    codes = np.asarray(columns) @ traces ** np.arange(traces)
    expected = [
        sum(value * traces**place for place, value in enumerate(order))
        for order in itertools.permutations(range(traces))
    ]
    counts = np.asarray([(codes == code).sum() for code in expected])
    assert counts.sum() == codewords
    assert len(counts) == factorial(traces)
    assert_fits(stats.chisquare(counts).pvalue, f"permutations of {traces}")


def test_relabellings_are_independent_over_codewords_and_prompts() -> None:
    def places(key: jax.Array) -> jax.Array:
        return jnp.argmax(relabel(key, jnp.asarray([0.0, 1.0, 2.0]), 4), axis=-1)

    drawn = np.asarray(jax.vmap(places)(jax.random.split(jax.random.key(2), 20_000)))
    for first, second in ((0, 1), (1, 2), (0, 3)):
        table = np.zeros((3, 3))
        np.add.at(table, (drawn[:, first], drawn[:, second]), 1)
        assert_fits(stats.chi2_contingency(table), f"codewords {first} and {second}")


def test_ties_among_returns_survive() -> None:
    columns = np.asarray(relabel(jax.random.key(3), jnp.asarray([0.0, 0.0, 5.0, 9.0]), 500))
    assert (np.sort(columns, axis=1) == [0.0, 0.0, 5.0, 9.0]).all()


def test_the_crowd_has_the_covariance_of_relabellings() -> None:
    atoms = jnp.asarray([0.0, 1.0, 1.0, 6.0])
    weights = np.asarray([0.2, 0.05, 0.01, 0.04, 0.3, 0.1, 0.1, 0.2])
    crowd = Belief(
        jnp.asarray([0.2, 0.05]), jnp.asarray(0.75), jnp.asarray(float((weights[2:] ** 2).sum()))
    )

    def both(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        column_key, crowd_key = jax.random.split(key)
        columns = relabel(column_key, atoms, 8)
        summed = jnp.asarray(weights) @ columns
        return averaged_columns(crowd_key, columns[:2], crowd), summed

    summary, plain = (
        np.asarray(x) for x in jax.vmap(both)(jax.random.split(jax.random.key(4), 60_000))
    )
    np.testing.assert_allclose(summary.sum(axis=1), plain.sum(axis=1))
    for first, second in ((0, 0), (0, 1), (2, 3)):
        moments = [(x[:, first] - 2.0) * (x[:, second] - 2.0) for x in (summary, plain)]
        assert_same_mean(*map(Estimate.of, moments), what=f"traces {first} and {second}")
    assert_same_mean(Estimate.of(summary[:, 0]), 2.0, what="mean")


def test_no_crowd_adds_no_noise() -> None:
    columns = relabel(jax.random.key(5), jnp.asarray([0.0, 2.0, 3.0]), 2)
    belief = Belief(jnp.asarray([0.25, 0.75]), jnp.asarray(0.0), jnp.asarray(0.0))
    averaged = averaged_columns(jax.random.key(6), columns, belief)
    np.testing.assert_allclose(averaged, 0.25 * columns[0] + 0.75 * columns[1])


@pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
def test_learners_see_their_kind_of_evidence(learner) -> None:
    methods = ["belief"] if isinstance(learner, AveragingLearner) else ["log_choice", "confidence"]
    for method in methods:
        hints = get_type_hints(getattr(learner, method))
        hints.pop("return")
        assert hints == {"evidence": EVIDENCE[learner.side]}


def test_demonstrations_hold_no_reward() -> None:
    names = {field.name for field in dataclasses.fields(Demonstrations)}
    # Likelihoods alone. A new field must be argued for here.
    assert names == {"log_likelihood", "log_crowd", "log_crowd_square"}
    assert not names & {field.name for field in dataclasses.fields(Labels)}
