"""Figure `equal-budget`: best-of-N against one trace of a verifier-free model, token for token.

Computed from the example traces by the estimator of `verigap measure`. Shows at which total budgets
it pays to split the tokens over candidates, with an exact check and with a learned one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Content
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verigap.llm_validation.measuring.measurement import GroupMeasurement
    from verigap.llm_validation.measuring.pools import SamplePools

SHOWS = (
    "At equal tokens an exact check makes many short candidates worth more than one long trace; a "
    "learned verifier makes little of them."
)

_CANDIDATES = (1, 4, 16)
_DATA = 256
_SEEDS, _FULL_SEEDS = 16, 64


def measured_successes(
    pools: SamplePools, budgets: Sequence[int], candidates: int, data: int, seeds: int
) -> GroupMeasurement:
    """Chances of success of every policy at total budgets B, N traces of at most B/N tokens each.

    The estimator, its learners and its intervals are those of `measure`; what a trace earns is 1 if
    it is correct within its B/N tokens and 0 otherwise, so `values` are probabilities.

    Args:
      pools: verified samples.
      budgets: B, tokens, each divisible by N.
      candidates: N.
      data: n, demonstrations and labelled traces.
      seeds: repetitions.
    """
    from verigap.llm_validation.measuring.budget import Settings, halves, values_at
    from verigap.llm_validation.measuring.features import features, hashed_words
    from verigap.llm_validation.measuring.measurement import GroupMeasurement

    settings = Settings((data,), candidates, 1.0, seeds, 0)
    train, hashed = halves(pools.prompts, settings), hashed_words(pools)
    cells = []
    for budget in budgets:
        horizon = budget // candidates
        # At a budget of one token these pools earn 1 where the real ones succeed, and end where the
        # real ones end; features are of the real ones.
        succeeded = replace(
            pools,
            first_correct=np.where(pools.first_correct <= horizon, 1.0, np.inf),
            n_tokens=np.where(pools.n_tokens > horizon, 2.0, 1.0),
        )
        cells.append(values_at(succeeded, 1, settings, features(pools, horizon, hashed), train))
    solved = (pools.correct & pools.mask).sum(axis=1)
    return GroupMeasurement(
        pools.dataset,
        pools.model,
        pools.unit,
        pools.prompt_ids,
        int(pools.sizes.sum()),
        pools.unverified,
        int(((solved > 0) & (solved < pools.sizes)).sum()),
        float((solved > 0).mean()),
        tuple(budgets),
        settings.data,
        candidates,
        settings.radius,
        tuple(budget // candidates > pools.longest for budget in budgets),
        {name: np.stack([cell[name] for cell in cells]) for name in cells[0]},
        (),
    )


def _budgets(pools: SamplePools) -> list[int]:
    """Powers of two, all multiples of the largest N, to the first beyond the longest trace.

    They start where one trace may be correct, and reach at least where all N may be.
    """
    first = max(max(_CANDIDATES), 2 ** int(np.log2(pools.first_correct.min())))
    shortest_for_all = max(_CANDIDATES) * 2 ** int(np.ceil(np.log2(np.nanmedian(pools.n_tokens))))
    last = max(2 * 2 ** int(np.log2(pools.longest)), shortest_for_all)
    return [2**power for power in range(int(np.log2(first)), int(np.log2(last)) + 1)]


def _compute(tables: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    from verigap.llm_validation.measuring.pools import verified_pools
    from verigap.llm_validation.traces import read_traces

    found = []
    for table in tables:
        for pools in verified_pools(read_traces(table)):
            budgets = _budgets(pools)
            arms = []
            for candidates in _CANDIDATES:
                group = measured_successes(
                    pools, budgets, candidates, _DATA, _FULL_SEEDS if full else _SEEDS
                )
                names = ("base", "clone") if candidates == 1 else ("exact", "verify", "vote")
                cells = group.cells()
                arms += [
                    {
                        "policy": name,
                        "candidates": candidates,
                        "success": [list(cell.values[name]) for cell in cells],
                    }
                    for name in names
                ]
            found.append(
                {
                    "dataset": pools.dataset,
                    "model": pools.model,
                    "prompts": pools.prompts,
                    "longest": pools.longest,
                    "data": _DATA,
                    "budgets": budgets,
                    "arms": arms,
                }
            )
    return found


NEEDS = {
    "measured": Content(
        "equal-budget",
        _compute,
        ("examples/game24_gpt4.parquet", "examples/smollm2_products.parquet"),
    )
}
