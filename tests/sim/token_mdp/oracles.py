"""The token MDP by definition: every trace, every data set, in rational arithmetic where exact.

Nothing here uses the tree's indexing or dynamic programming. A policy is a table from prefixes to
rows of fractions, a reward the set of correct prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import factorial

import numpy as np

from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward
from verigap.sim.token_mdp.random_instances import TokenInstance, random_instance
from verigap.sim.token_mdp.tree import TokenTree

Prefix = tuple[int, ...]
Table = dict[Prefix, list[Fraction]]
Correct = set[Prefix]

# (prompts, vocabulary, horizon): few, because every one is compiled anew.
SHAPES = [(2, 2, 4), (2, 3, 2)]


def states(tree: TokenTree) -> list[Prefix]:
    """Prefixes with a token to come, short ones first."""
    return [s for h in range(tree.horizon) for s in product(range(tree.vocabulary), repeat=h)]


def traces(tree: TokenTree) -> list[Prefix]:
    return list(product(range(tree.vocabulary), repeat=tree.horizon))


def table(policy: TokenPolicy, prompt: int) -> Table:
    rows = np.asarray(policy.probabilities)[prompt]
    return {s: [Fraction(float(p)) for p in rows[i]] for i, s in enumerate(states(policy.tree))}


def correct_prefixes(reward: TokenReward, prompt: int) -> Correct:
    paid = np.asarray(reward.correct)[prompt]
    marked = ((s, a) for i, s in enumerate(states(reward.tree)) for a in np.flatnonzero(paid[i]))
    return {(*s, int(a)) for s, a in marked}


def chance(policy: Table, trace: Prefix, start: int = 0) -> Fraction:
    """Probability of the tokens after the first `start`."""
    product = Fraction(1)
    for h in range(start, len(trace)):
        product *= policy[trace[:h]][trace[h]]
    return product


def paid(correct: Correct, trace: Prefix, start: int = 0) -> int:
    """Sum of the rewards of the tokens after the first `start`."""
    return sum(trace[: h + 1] in correct for h in range(start, len(trace)))


def continuations(tree: TokenTree, prefix: Prefix) -> Iterator[Prefix]:
    for rest in product(range(tree.vocabulary), repeat=tree.horizon - len(prefix)):
        yield (*prefix, *rest)


def action_value(tree: TokenTree, policy: Table, correct: Correct, state: Prefix, token: int):
    begun = (*state, token)
    return sum(
        (
            chance(policy, trace, len(begun)) * paid(correct, trace, len(state))
            for trace in continuations(tree, begun)
        ),
        Fraction(0),
    )


def brute_heterogeneity(
    tree: TokenTree, policy: Table, reference: Table, correct: Correct
) -> Fraction:
    """sum_h E_{s_h ~ policy} Var_{a ~ policy} Q^reference(s_h, a), trace by trace."""
    total = Fraction(0)
    q = {
        s: [action_value(tree, reference, correct, s, a) for a in range(tree.vocabulary)]
        for s in states(tree)
    }
    for trace in traces(tree):
        weight = chance(policy, trace)
        for h in range(tree.horizon):
            state = trace[:h]
            centre = sum(p * v for p, v in zip(policy[state], q[state], strict=True))
            total += weight * (q[state][trace[h]] - centre) ** 2
    return total


def brute_return_law(tree: TokenTree, policy: Table, correct: Correct) -> list[Fraction]:
    law = [Fraction(0)] * (tree.horizon + 1)
    for trace in traces(tree):
        law[paid(correct, trace)] += chance(policy, trace)
    return law


def variance(law: list[Fraction]) -> Fraction:
    mean = sum(p * r for r, p in enumerate(law))
    return sum((p * (r - mean) ** 2 for r, p in enumerate(law)), Fraction(0))


def best_share_value(weights: list[Fraction], gains: list[Fraction], share: Fraction) -> Fraction:
    """Largest mean gain of a policy of density ratio <= 1/share to the law `weights`."""
    left, total = share, Fraction(0)
    for i in sorted(range(len(gains)), key=lambda i: -gains[i]):
        taken = min(left, weights[i])
        total, left = total + taken * gains[i], left - taken
    return total / share


def data_sets(law: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Multisets of `size` outcomes of positive probability, as indices, and their probabilities."""
    charged = np.flatnonzero(law)
    sets = np.array(list(combinations_with_replacement(charged, size)))
    counts = (sets[:, :, None] == charged).sum(axis=1)
    orders = factorial(size) / np.prod([[factorial(c) for c in row] for row in counts], axis=-1)
    return sets, orders * np.prod(law[sets], axis=-1)


def instance_of(seed: int, shape: tuple[int, int, int], rewards: int = 4) -> TokenInstance:
    prompts, vocabulary, horizon = shape
    generator = np.random.default_rng(seed)
    return random_instance(generator, prompts, TokenTree(vocabulary, horizon), rewards)
