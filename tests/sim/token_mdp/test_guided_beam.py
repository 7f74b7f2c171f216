"""Guided beam search against all ordered draws, simulation, and what an exact score must give."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.token_mdp import oracles as oracle
from tests.statistics import assert_fits
from verigap.sim.token_mdp import TokenInstance, TokenTree, random_instance, value
from verigap.sim.token_mdp.guided_beam import GuidedBeam, guided_beam_law, self_evaluation
from verigap.sim.token_mdp.mdp import trace_returns

SHAPE = (2, 2, 3)
searches = st.builds(
    GuidedBeam,
    beams=st.integers(1, 3),
    trust=st.sampled_from([0.0, 0.4, 1.0]),
    temperature=st.sampled_from([0.0, 0.3, 2.0]),
)


def instance(seed: int, prompts: int = 2, tree: TokenTree | None = None) -> TokenInstance:
    tree = tree or TokenTree(*SHAPE[1:])
    return random_instance(np.random.default_rng(seed), prompts, tree, rewards=1)


def noisy(score: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """The score moved by normal noise in its log odds."""
    kept = np.clip(score, 0.01, 0.99)
    moved = np.log(kept / (1 - kept)) + noise * np.random.default_rng(seed).normal(size=score.shape)
    return 1 / (1 + np.exp(-moved))


def scores_of(found: TokenInstance, score: np.ndarray, prompt: int, trust: float) -> dict:
    """Log score of every prefix that the base can reach, by its tokens."""
    rows = oracle.table(found.base, prompt)
    logs: dict = {(): 0.0}
    for index, state in enumerate(oracle.states(found.base.tree)):
        for token, chance in enumerate(rows[state]):
            if chance > 0 and state in logs:
                own = trust * math.log(chance)
                if trust < 1:
                    believed = float(score[prompt, index, token])
                    own += (1 - trust) * (math.log(believed) if believed > 0 else -math.inf)
                logs[(*state, token)] = logs[state] + own
    return logs


def by_recursion(logs: dict, beams: list, horizon: int, search: GuidedBeam) -> dict:
    """Chance of every answer, over all ordered draws; nothing is merged."""
    if len(beams[0]) == horizon:
        most = max(logs[beam] for beam in beams)
        top = [beam for beam in beams if logs[beam] > most - 1e-12]
        return {beam: 1 / len(top) for beam in top}
    following = [each for beam in beams for each in logs if each[:-1] == beam and each]
    alive = [each for each in following if logs[each] > -math.inf]
    if not alive:
        raise AssertionError("the tests use scores above 0")
    answers: dict = defaultdict(float)
    for order in itertools.permutations(alive, min(search.beams, len(alive))):
        chance, left = 1.0, list(alive)
        for one in order:
            if search.temperature == 0:
                most = max(logs[each] for each in left)
                top = [each for each in left if logs[each] > most - 1e-12]
                chance *= (one in top) / len(top)
            else:
                most = max(logs[each] for each in left)
                weights = [math.exp((logs[each] - most) / search.temperature) for each in left]
                own = math.exp((logs[one] - most) / search.temperature)
                chance *= own / sum(weights)
            left.remove(one)
        if chance:
            for answer, share in by_recursion(logs, list(order), horizon, search).items():
                answers[answer] += chance * share
    return answers


@given(st.integers(0, 2**32 - 1), searches)
def test_the_law_over_all_draws(seed: int, search: GuidedBeam) -> None:
    found = instance(seed)
    score = noisy(self_evaluation(found.base, found.truth), 1.0)
    law = guided_beam_law(found.base, score, search).traces
    traces = oracle.traces(found.base.tree)
    for prompt in range(2):
        logs = scores_of(found, score, prompt, search.trust)
        answers = by_recursion(logs, [()], found.base.tree.horizon, search)
        expected = [answers.get(trace, 0.0) for trace in traces]
        np.testing.assert_allclose(law[prompt], expected, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_exact_score_by_definition(seed: int) -> None:
    found = instance(seed)
    score, tree = self_evaluation(found.base, found.truth), found.base.tree
    for prompt in range(2):
        rows, correct = (
            oracle.table(found.base, prompt),
            oracle.correct_prefixes(found.truth, prompt),
        )
        for index, state in enumerate(oracle.states(tree)):
            for token in range(tree.vocabulary):
                prefix = (*state, token)
                chance = sum(
                    oracle.chance(rows, trace, len(prefix))
                    for trace in oracle.traces(tree)
                    if trace[: len(prefix)] == prefix and trace in correct
                )
                assert score[prompt, index, token] == pytest.approx(float(chance), abs=1e-12)


@given(st.integers(0, 2**32 - 1), searches.filter(lambda search: search.trust < 1))
def test_an_exact_score_is_always_right_where_the_base_can_be(
    seed: int, search: GuidedBeam
) -> None:
    found = instance(seed)
    score = self_evaluation(found.base, found.truth)
    law = guided_beam_law(found.base, score, search)
    right = np.asarray(trace_returns(found.truth)) > 0
    possible = (np.asarray(found.base.probabilities)[:, 0, :] * score[:, 0, :]).sum(axis=1) > 0
    np.testing.assert_allclose((law.traces * right).sum(axis=1)[possible], 1.0)
    np.testing.assert_allclose(law.traces.sum(axis=1), 1.0)
    assert (law.scored <= search.beams * 2 * 3).all()


def test_against_simulation() -> None:
    found = instance(3, 1, TokenTree(2, 3))
    score = noisy(self_evaluation(found.base, found.truth), 1.0)
    search = GuidedBeam(beams=2, trust=0.3, temperature=0.8)
    logs = scores_of(found, score, 0, search.trust)
    rng, runs, counts = np.random.default_rng(5), 8_000, defaultdict(int)
    for _ in range(runs):
        beams = [()]
        for _ in range(3):
            following = [each for beam in beams for each in logs if each and each[:-1] == beam]
            # The largest of score/tau plus Gumbel noise are a draw without replacement.
            keys = [logs[each] / search.temperature + rng.gumbel() for each in following]
            order = np.argsort(keys)[::-1][: search.beams]
            beams = [following[place] for place in order]
        counts[max(beams, key=logs.__getitem__)] += 1
    law = guided_beam_law(found.base, score, search).traces[0]
    traces = oracle.traces(found.base.tree)
    expected = runs * law
    seen = np.array([counts[trace] for trace in traces])
    assert seen[expected == 0].sum() == 0
    kept = expected > 0
    assert_fits(stats.chisquare(seen[kept], expected[kept]), "answers of guided beam search")


def test_the_score_guides_and_likelihood_alone_does_not() -> None:
    """The mechanism of arXiv 2305.00633, on 24 random prompts of 4 tokens."""
    found = [instance(seed, 8, TokenTree(2, 4)) for seed in range(3)]

    def earned(noise: float, trust: float, temperature: float, beams: int = 2) -> float:
        search = GuidedBeam(beams=beams, trust=trust, temperature=temperature)
        values = []
        for each in found:
            score = noisy(self_evaluation(each.base, each.truth), noise)
            law = guided_beam_law(each.base, score, search)
            values.append((law.traces * np.asarray(trace_returns(each.truth))).sum(axis=1))
        return float(np.mean(values))

    base = float(np.mean([value(each.base, each.truth) for each in found]))
    likeliest = earned(0.0, 1.0, 0.0)
    guided = [earned(noise, 0.5, 0.5) for noise in (0.0, 2.0, 6.0)]
    assert likeliest < base + 0.05
    assert guided[0] > base + 0.4
    assert guided[0] > guided[1] > guided[2]
    # More beams help a temperature, and a good score needs none.
    assert earned(0.0, 0.0, 2.0, beams=2) > earned(0.0, 0.0, 2.0, beams=1)
    assert earned(0.0, 0.0, 0.0) > earned(0.0, 0.0, 2.0)


@pytest.mark.parametrize(("field", "bad"), [("beams", 0), ("trust", 1.5), ("temperature", -1.0)])
def test_searches_out_of_range(field: str, bad: float) -> None:
    fields: dict = {"beams": 1, "trust": 0.5, "temperature": 1.0, field: bad}
    with pytest.raises(ValueError, match=field):
        GuidedBeam(**fields)
