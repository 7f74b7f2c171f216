"""Tight games by enumeration: every data set, every rival's coins, every label, in fractions.

The coins say on which telling draw each rival errs. Nothing here uses that rivals are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

Coins = tuple[bool, ...]


def data_sets(
    traces: int, rivals: int, telling: Fraction, overlap: Fraction, noise: Fraction = Fraction(0)
) -> Iterator[tuple[Fraction, list[tuple[Coins, bool]]]]:
    """Every data set as its telling draws: where rivals err, whether the label is wrong."""
    one: list[tuple[Fraction, tuple[Coins, bool] | None]] = [(1 - telling, None)]
    for coins in product([False, True], repeat=rivals):
        chance = telling
        for errs in coins:
            chance *= overlap if errs else 1 - overlap
        one += [(chance * noise, (coins, True)), (chance * (1 - noise), (coins, False))]
    for drawn in product([(p, draw) for p, draw in one if p > 0], repeat=traces):
        chance = Fraction(1)
        for p, _ in drawn:
            chance *= p
        yield chance, [draw for _, draw in drawn if draw is not None]


def kept(draws: list[tuple[Coins, bool]], rivals: int) -> list[int]:
    """The rivals among the rewards that miss fewest labels; the truth is one more reward."""
    missed = [sum(coins[j] != wrong for coins, wrong in draws) for j in range(rivals)]
    least = min([*missed, sum(wrong for _, wrong in draws)])
    return [j for j in range(rivals) if missed[j] == least]


def worst_max_min_loss(deniers: int, overlap: Fraction) -> float:
    """Truth's loss, in shares of H, of the worst policy that is best for the worst of some rivals.

    On a prompt each rival denies success by a coin of its own; a policy says how often it plays
    successes on each pattern of coins. Two linear programmes: the max-min value, then the least
    true value among the policies that attain it.
    """
    if deniers == 0:
        return 0.0
    patterns = list(product([False, True], repeat=deniers))
    share = float(overlap)
    mass = np.asarray([np.prod([share if d else 1 - share for d in p]) for p in patterns])
    paid = np.asarray([[m * (not p[j]) for p, m in zip(patterns, mass, strict=True)]
                       for j in range(deniers)])  # fmt: skip
    size = len(patterns)
    best = linprog(
        [*[0.0] * size, -1.0],
        A_ub=np.hstack([-paid, np.ones((deniers, 1))]),
        b_ub=np.zeros(deniers),
        bounds=[*[(0, 1)] * size, (None, None)],
    )
    worst = linprog(
        mass, A_ub=-paid, b_ub=np.full(deniers, best.fun + 1e-12), bounds=[(0, 1)] * size
    )
    return float(1.0 - worst.fun)


def false_negatives(
    traces: int, rivals: int, c0: Fraction, error: Fraction, eta: Fraction, noise: Fraction
) -> float:
    """Mean risk of pessimism, in shares of H, which avoids successes where that is free."""
    telling, denied = c0 - eta, eta / c0
    overlap = error / telling
    loss = [worst_max_min_loss(count, overlap) for count in range(rivals + 1)]
    return sum(
        float(chance) * (float(denied) + float(1 - denied) * loss[len(kept(draws, rivals))])
        for chance, draws in data_sets(traces, rivals, telling, overlap, noise)
    )


def chance_of_a_rival(traces: int, rivals: int, telling: Fraction, overlap: Fraction) -> Fraction:
    """P(some rival agrees with every label)."""
    return sum(
        (p for p, draws in data_sets(traces, rivals, telling, overlap) if kept(draws, rivals)),
        Fraction(0),
    )


def false_positives(traces: int, rivals: int, c0: Fraction, error: Fraction) -> Fraction:
    """Mean risk of conditioning on success under the worst consistent reward, in shares of H."""
    chance = chance_of_a_rival(traces, rivals, 1 - c0, error / (1 - c0))
    return chance * (1 - c0 / (c0 + error))


def best_of_n_value(candidates: int, c0: Fraction, overrated: Fraction) -> Fraction:
    """How often the best of N traces succeeds where overrated ones rank above successes."""
    kinds = [(overrated, 2), (c0, 1), (1 - c0 - overrated, 0)]
    value = Fraction(0)
    for drawn in product(kinds, repeat=candidates):
        if max(rank for _, rank in drawn) == 1:
            chance = Fraction(1)
            for p, _ in drawn:
                chance *= p
            value += chance
    return value


def reward_hacking(
    traces: int, rivals: int, c0: Fraction, error: Fraction, eta: Fraction, candidates: int
) -> Fraction:
    """Mean risk of best-of-N under the worst consistent reward, in shares of H - 1."""
    left = 1 - c0 - eta
    chance = chance_of_a_rival(traces, rivals, left, error / left)
    without = best_of_n_value(candidates, c0, eta)
    return 1 - without + chance * (without - best_of_n_value(candidates, c0, eta + error))


def deterministic_expert(traces: int, rivals: int, error: Fraction) -> Fraction:
    """Mean risk of the worst policy of the largest likelihood, in shares of H."""
    return error * chance_of_a_rival(traces, rivals, Fraction(1), error)


def two_hypotheses(traces: int, gap: Fraction) -> Fraction:
    """Mean risk of cloning the likelier of two policies, ties badly, in shares of H."""
    wrong = Fraction(0)
    for plays in product([False, True], repeat=traces):
        likelihood = Fraction(1)
        for good in plays:
            likelihood *= Fraction(1, 2) - gap if good else Fraction(1, 2) + gap
        wrong += Fraction(1, 2**traces) * (likelihood >= Fraction(1, 2**traces))
    return gap * wrong


def flat_prompts(traces: int, codewords: int, flat: int) -> Fraction:
    """Mean risk of a random likeliest codeword, in shares of H."""
    telling = Fraction(flat + 1, 2 * flat + 1)
    right = Fraction(0)
    for chance, draws in data_sets(traces, codewords - 1, telling, Fraction(1, 2)):
        right += chance / (1 + len(kept(draws, codewords - 1)))
    return telling / 2 * (1 - right)


def missing_expert(traces: int, rivals: int, missed: Fraction, error: Fraction) -> Fraction:
    """Mean risk of the worst policy of the largest likelihood, in shares of H."""
    plays = 1 / (1 + missed)
    mean = Fraction(0)
    for chance, draws in data_sets(traces, rivals, Fraction(1), error):
        likelihoods = [Fraction(1)] * (rivals + 1)
        for coins, _ in draws:
            for rival, errs in enumerate(coins):
                likelihoods[rival] *= 0 if errs else plays
            likelihoods[-1] *= plays
        losses = [1 - plays * (1 - error)] * rivals + [1 - plays]
        best = max(likelihoods)
        mean += chance * max(
            loss for loss, each in zip(losses, likelihoods, strict=True) if each == best
        )
    return mean


class FlatEstimateRisks(NamedTuple):
    """What an estimate of every data set costs.

    Attributes:
      pessimism, best_of_n: mean risks, tokens.
      errors: root mean square error of the estimate of each data set, tokens.
      highest: the largest estimate, tokens.
    """

    pessimism: float
    best_of_n: float
    errors: list[float]
    highest: float


def flat_estimate(
    returns: list[float], good: int, reward_error: float, candidates: int
) -> FlatEstimateRisks:
    """Mean risks by listing every overrated trace, and for best-of-N every data set of N draws."""
    truth, size = np.asarray(returns), len(returns)
    flat = truth.mean()
    penalty = reward_error / np.sqrt(size / good - 1)
    played, best, errors, highest = [], [], [], flat
    for drawn in range(size):
        estimate = np.full(size, flat)
        estimate[drawn] = truth[drawn] + abs(truth[drawn] - flat)
        errors.append(float(np.sqrt(np.mean((estimate - truth) ** 2))))
        highest = max(highest, estimate.max())
        ratio = penalised_ratio(estimate, penalty)
        played.append(float(np.mean(ratio * truth)))
        earned = [
            min(truth[i] for i in some if estimate[i] == max(estimate[list(some)]))
            for some in product(range(size), repeat=candidates)
        ]
        best.append(float(np.mean(earned)))
    expert = truth[-good:].mean()
    return FlatEstimateRisks(
        float(expert - np.mean(played)), float(expert - np.mean(best)), errors, float(highest)
    )


def penalised_ratio(estimate: np.ndarray, penalty: float) -> np.ndarray:
    """The density ratio w of mean one that maximises E[w estimate] - penalty E[w^2] / 2.

    Where it plays the best m traces its level is fixed; of all m the best value is taken.
    """
    best, chosen = -np.inf, np.ones(len(estimate))
    order = np.argsort(-estimate, kind="stable")
    for kept_traces in range(1, len(estimate) + 1):
        top = order[:kept_traces]
        level = estimate[top].mean() - penalty * len(estimate) / kept_traces
        ratio = np.zeros(len(estimate))
        ratio[top] = (estimate[top] - level) / penalty
        if ratio.min() < 0:
            continue
        value = np.mean(ratio * estimate - penalty * ratio**2 / 2)
        if value > best + 1e-12:
            best, chosen = value, ratio
    return chosen
