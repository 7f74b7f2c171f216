"""Beam search guided by a self-evaluation score, with its exact law over traces.

At each token the k beams are extended by every token that the base may say. A candidate's score is
the product over its tokens of P_base^lambda C^(1 - lambda), C in (0, 1] being what the model
believes of the prefix. The next k beams are drawn without replacement with weights score^(1/tau);
the answer is the beam of the largest score. Source: Xie et al., arXiv 2305.00633, with tokens as
steps and all continuations in the place of sampled ones; the exact law is ours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward
from verigap.sim.token_mdp.tree import TokenTree, walk_down, walk_up

_TIE = 1e-12
# A prefix is its place among those of its depth, with the log of its score.
_Beam = tuple[int, float]


@dataclass(frozen=True, kw_only=True)
class GuidedBeam:
    """A search.

    Attributes:
      beams: k, at least 1.
      trust: lambda in [0, 1], weight of the base's own probability; 1 is beam search without a
        score.
      temperature: tau, at least 0; 0 keeps the k best.
    """

    beams: int
    trust: float
    temperature: float

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise ValueError(f"beams: {self.beams} is not at least 1")
        if not 0 <= self.trust <= 1:
            raise ValueError(f"trust: {self.trust} is not in [0, 1]")
        if not self.temperature >= 0:
            raise ValueError(f"temperature: {self.temperature} is not at least 0")


class BeamLaw(NamedTuple):
    """What a search does on each prompt.

    Attributes:
      traces: probability that each trace is the answer.
      scored: expected candidates, each a token that is sampled and a prefix that is evaluated.
    """

    traces: Float[np.ndarray, "prompts traces"]
    scored: Float[np.ndarray, " prompts"]


def self_evaluation(
    base: TokenPolicy, reward: TokenReward
) -> Float[np.ndarray, "prompts states tokens"]:
    """The exact score: probability under the base that a trace with this prefix ends correct."""
    tree = base.tree
    wrong = jnp.zeros((base.probabilities.shape[0], 1), bool)
    ends = walk_down(tree, reward.correct, wrong, lambda _, edge: edge)[-1]
    success = walk_up(
        tree,
        ends.astype(base.probabilities.dtype),
        lambda below, chance: jnp.sum(chance * below, axis=-1),
        base.probabilities,
    )
    table = np.concatenate([np.asarray(level) for level in success[1:]], axis=-1)
    return table.reshape(base.probabilities.shape)


def guided_beam_law(
    base: TokenPolicy, score: Float[np.ndarray, "prompts states tokens"], search: GuidedBeam
) -> BeamLaw:
    """The exact law of the answer, by forward enumeration of the sets of beams.

    Args:
      base: says which continuations there are.
      score: C of the prefix that each token makes, in [0, 1]; a prefix of score 0 is kept only
        where lambda is 1.
      search: what is done.

    Example:
      >>> import numpy as np
      >>> from verigap.sim.token_mdp import TokenTree, random_instance, value
      >>> from verigap.sim.token_mdp.guided_beam import (
      ...     GuidedBeam, guided_beam_law, self_evaluation
      ... )
      >>> from verigap.sim.token_mdp.mdp import trace_returns
      >>> instance = random_instance(np.random.default_rng(3), 2, TokenTree(2, 3), rewards=1)
      >>> score = self_evaluation(instance.base, instance.truth)
      >>> search = GuidedBeam(beams=2, trust=0.5, temperature=0.1)
      >>> law = guided_beam_law(instance.base, score, search)
      >>> earned = (law.traces * np.asarray(trace_returns(instance.truth))).sum(axis=1)
      >>> bool((earned >= np.asarray(value(instance.base, instance.truth)) - 1e-9).all())
      True
    """
    rows, tree = np.asarray(base.probabilities), base.tree
    with np.errstate(divide="ignore", invalid="ignore"):
        log_base, log_score = np.log(rows), np.log(score)
        weighed = np.where(search.trust > 0, search.trust * log_base, 0.0)
        weighed = weighed + np.where(search.trust < 1, (1 - search.trust) * log_score, 0.0)
    gains = np.where(rows > 0, weighed, -np.inf)
    laws = [
        _one_prompt(tree, gain, rows_ > 0, search) for gain, rows_ in zip(gains, rows, strict=True)
    ]
    return BeamLaw(np.stack([law for law, _ in laws]), np.array([scored for _, scored in laws]))


def _one_prompt(
    tree: TokenTree,
    gain: Float[np.ndarray, "states tokens"],
    possible: np.ndarray,
    search: GuidedBeam,
) -> tuple[Float[np.ndarray, " traces"], float]:
    """Law of the answer on one prompt, and the expected number of candidates."""
    sets: dict[tuple[_Beam, ...], float] = {((0, 0.0),): 1.0}
    scored = 0.0
    for depth in range(tree.horizon):
        start = tree.first_state(depth)
        reached: defaultdict[tuple[_Beam, ...], float] = defaultdict(float)
        for beams, chance in sets.items():
            candidates = [
                (place * tree.vocabulary + token, log + float(gain[start + place, token]))
                for place, log in beams
                for token in np.flatnonzero(possible[start + place]).tolist()
            ]
            scored += chance * len(candidates)
            for kept, share in _draws(candidates, search).items():
                reached[kept] += chance * share
        sets = reached
    law = np.zeros(tree.traces)
    for beams, chance in sets.items():
        for place, share in _best(list(beams), 1).items():
            law[place[0][0]] += chance * share
    return law, scored


def _draws(candidates: list[_Beam], search: GuidedBeam) -> dict[tuple[_Beam, ...], float]:
    """Every set of k candidates with its probability."""
    alive = [each for each in candidates if each[1] > -math.inf]
    # Where every score is 0 the scores tell nothing.
    alive = alive or [(place, 0.0) for place, _ in candidates]
    count = min(search.beams, len(alive))
    if count == len(alive):
        return {tuple(sorted(alive)): 1.0}
    if search.temperature == 0:
        return _best(alive, count)
    logs = np.array([log for _, log in alive]) / search.temperature
    found: defaultdict[tuple[_Beam, ...], float] = defaultdict(float)
    for order in permutations(range(len(alive)), count):
        chance, left = 0.0, list(range(len(alive)))
        for one in order:
            # Of those that are left, as weights may differ by more than their digits.
            chance += logs[one] - np.logaddexp.reduce(logs[left])
            left.remove(one)
        found[tuple(sorted(alive[one] for one in order))] += math.exp(chance)
    return found


def _best(candidates: list[_Beam], count: int) -> dict[tuple[_Beam, ...], float]:
    """The sets of the best candidates, those that tie for the last places equally likely."""
    ranked = sorted(candidates, key=lambda each: -each[1])
    edge = ranked[count - 1][1]
    sure = [each for each in ranked if each[1] > edge + _TIE]
    tied = [each for each in ranked if abs(each[1] - edge) <= _TIE]
    sets = {tuple(sorted([*sure, *some])) for some in permutations(tied, count - len(sure))}
    return dict.fromkeys(sets, 1.0 / len(sets))
