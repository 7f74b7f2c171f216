"""What cannot be answered from a table of traces, so that it is refused before minutes of work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verigap.llm_validation.deciding.decisions import budget_of
from verigap.llm_validation.deciding.outcomes import Currency, returns_known
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import TableError


def refuse_unanswerable(
    traces: Traces,
    *,
    currency: Currency,
    prices: Prices | None,
    spend: float | None,
    horizons: Sequence[int] | None,
) -> None:
    """Refuse budgets, returns and limits of what is spent that no group of the table tells of.

    Args:
      traces: the samples.
      currency: that was asked for.
      prices: of tokens and checks.
      spend: the most that a prompt may cost; None without a limit.
      horizons: budgets that were given; None for the default.

    Raises:
      TableError: nothing can be said of what was asked for.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.reporting.unanswerable import refuse_unanswerable
      >>> refuse_unanswerable(
      ...     read_traces("examples/smollm2_products.parquet"),
      ...     currency="return", prices=None, spend=500.0, horizons=None,
      ... )
    """
    if currency == "accuracy" and spend is None and horizons is None:
        return
    groups = [pools for pools in sample_pools(traces, placed=False) if pools.prompts]
    budgets = [budget_of(pools)[0] if horizons is None else max(horizons) for pools in groups]
    # A table without a graded sample is refused for that.
    if not groups:
        return
    if currency == "return" and not any(map(returns_known, groups, budgets)):
        raise TableError(
            "currency: returns are not known, as the table has no lengths or, of some right "
            "samples, no place of the answer; fill n_tokens or first_correct, or use accuracy"
        )
    known = any(
        np.isfinite(pools.n_tokens).any() or np.isfinite(pools.first_correct).any()
        for pools in groups
    )
    if horizons is not None and not known:
        raise TableError(
            "horizons: cannot be applied, as the table has no lengths; fill n_tokens, or leave "
            "the budget out, and whole samples are judged"
        )
    of_tokens = prices is None or not prices.of_prompts or bool(prices.per_token)
    if (
        spend is not None
        and of_tokens
        and not any(np.isfinite(pools.n_tokens).any() for pools in groups)
    ):
        raise TableError(
            "spend: nothing is known of what a prompt takes, as the table has no lengths; fill "
            "n_tokens, or leave the limit out"
        )
