"""Accuracy against tokens: many short budgets beside few long ones, for each arm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from verigap.llm_validation.deciding.outcomes import outcomes_at
from verigap.llm_validation.deciding.selection import EXACT, select
from verigap.llm_validation.pools.pools import SamplePools

_QUANTILES = (0.5, 0.75, 0.9)


class Allocation(NamedTuple):
    """One way to spend tokens on a prompt, with an arm that learns nothing.

    Attributes:
      horizon: every sample is stopped at this budget; None where no lengths are known.
      num_candidates: N.
      arm: of `selection.ARMS`, without those by a learned score.
      tokens: mean tokens sampled a prompt; NaN where lengths are unknown.
      accuracy: mean over prompts.
    """

    horizon: int | None
    num_candidates: int
    arm: str
    tokens: float
    accuracy: float


def allocations(
    pools: SamplePools, horizon: int | None, counts: Sequence[int], seed: int
) -> list[Allocation]:
    """Accuracy and tokens of every arm that learns nothing, at shorter budgets too.

    The shorter budgets are quantiles (50, 75 and 90 %) of the lengths.

    Args:
      pools: the samples.
      horizon: H, the longest budget; None where no lengths are known.
      counts: the N, ascending.
      seed: seed of the candidates.
    """
    budgets: list[int | None] = [horizon]
    lengths = pools.n_tokens[np.isfinite(pools.n_tokens)]
    if horizon is not None and lengths.size:
        # A budget that stops no sample is not shorter.
        end = min(float(horizon), float(lengths.max()))
        shorter = {max(1, int(each)) for each in np.quantile(lengths, _QUANTILES)}
        budgets = [*sorted(budget for budget in shorter if budget < end), horizon]
    rows = []
    for budget in budgets:
        found = select(outcomes_at(pools, budget), labels=1, counts=counts, learn=False, seed=seed)
        for arm, values in found.values["accuracy"].items():
            for place, n in enumerate(found.counts):
                # One sample is one sample, whatever it is called.
                if (arm == "single") != (n == 1):
                    continue
                accuracy = float(values[place].mean())
                rows.append(Allocation(budget, n, arm, n * found.length, accuracy))
    return rows


def frontier(
    rows: Sequence[Allocation],
    *,
    check: bool,
    cost: Callable[[Allocation], float] = lambda row: row.tokens,
) -> list[Allocation]:
    """The allocations that no cheaper one matches, from the cheapest on.

    Args:
      rows: of `allocations`.
      check: with an exact check alone, or with the arms that need none.
      cost: what an allocation costs a prompt, NaN where that is not known; its tokens by default.
    """
    wanted = [row for row in rows if (row.arm in EXACT) == check and np.isfinite(cost(row))]
    best: list[Allocation] = []
    for row in sorted(wanted, key=lambda row: (cost(row), -row.accuracy)):
        if not best or row.accuracy > best[-1].accuracy:
            best.append(row)
    return best
