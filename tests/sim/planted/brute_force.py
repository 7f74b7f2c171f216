"""The planted game by plain enumeration: strings and fractions, no automaton and no JAX."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

Tokens = tuple[int, ...]


def first_correct(block: Sequence[int], trace: Sequence[int]) -> int:
    """Index of the token that completes the first copy, by string search; len + 1 if none."""
    found = "".join(map(chr, trace)).find("".join(map(chr, block)))
    return found + len(block) if found >= 0 else len(trace) + 1


def matched(block: Sequence[int], trace: Sequence[int]) -> int:
    """Length of the longest suffix of the trace that begins the block; all of it once it was in."""
    if first_correct(block, trace) <= len(trace):
        return len(block)
    lengths = range(min(len(block) - 1, len(trace)), -1, -1)
    return next(s for s in lengths if tuple(trace[len(trace) - s :]) == tuple(block[:s]))


def traces(vocabulary: int, horizon: int) -> list[Tokens]:
    return list(itertools.product(range(vocabulary), repeat=horizon))


def token_law(
    block: Sequence[int], competence: Sequence[Fraction], vocabulary: int, prefix: Tokens
) -> list[Fraction]:
    """Next-token probabilities of the procedural policy after a prefix."""
    state = matched(block, prefix)
    gamma = competence[len(prefix)] if state < len(block) else Fraction(0)
    right = block[state] if state < len(block) else -1
    return [
        (1 - gamma) / vocabulary + (gamma if token == right else 0) for token in range(vocabulary)
    ]


def trace_probabilities(
    block: Sequence[int], competence: Sequence[Fraction], vocabulary: int
) -> dict[Tokens, Fraction]:
    """Probability of every trace under the procedural policy."""
    reached: dict[Tokens, Fraction] = {(): Fraction(1)}
    for _ in competence:
        reached = {
            (*prefix, token): mass * p
            for prefix, mass in reached.items()
            for token, p in enumerate(token_law(block, competence, vocabulary, prefix))
        }
    return reached


def trace_return(block: Sequence[int], trace: Tokens) -> int:
    return len(trace) + 1 - first_correct(block, trace)


def return_pmf(block: Sequence[int], mass: dict[Tokens, Fraction]) -> list[Fraction]:
    """P(R = 0), ..., P(R = H)."""
    horizon = len(next(iter(mass)))
    pmf = [Fraction(0)] * (horizon + 1)
    for trace, p in mass.items():
        pmf[trace_return(block, trace)] += p
    return pmf


def prefix_probabilities(mass: dict[Tokens, Fraction]) -> dict[Tokens, Fraction]:
    """Probability of every prefix, the empty one and whole traces included."""
    totals: dict[Tokens, Fraction] = {}
    for trace, p in mass.items():
        for length in range(len(trace) + 1):
            totals[trace[:length]] = totals.get(trace[:length], Fraction(0)) + p
    return totals


def mean_returns(block: Sequence[int], mass: dict[Tokens, Fraction]) -> dict[Tokens, Fraction]:
    """Mean return given each prefix; every prefix must have positive probability."""
    earned = {trace: p * trace_return(block, trace) for trace, p in mass.items()}
    reached = prefix_probabilities(mass)
    return {
        prefix: total / reached[prefix] for prefix, total in prefix_probabilities(earned).items()
    }
