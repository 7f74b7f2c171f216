"""Try again until a score says that it is right, on pools; the threshold is learned from labels.

A policy that checks its own trace by a score it has, and draws a fresh one where the check rejects
it. Source: the policy of S2R, Ma et al., arXiv 2502.12853, with fresh samples for corrections; its
value for any rates is in `verigap.theory.self_correction`.
"""

from __future__ import annotations

import numpy as np

from verigap.llm_validation.deciding.methods.held_out_prompts import Splits
from verigap.llm_validation.deciding.methods.measured import MeasuredMethod
from verigap.llm_validation.deciding.methods.until_accepted import until_accepted
from verigap.llm_validation.deciding.outcomes import Outcomes

_QUANTILES = np.linspace(0.1, 0.95, 18)


def self_verified(found: Outcomes, most: int, labels: int, seed: int) -> MeasuredMethod | None:
    """The first of at most N samples whose score reaches a threshold, else the last.

    Args:
      found: the samples; each prompt has at least N.
      most: N.
      labels: the most samples of other prompts whose verdicts choose the threshold.
      seed: seed of the splits.

    Returns:
      None where scores do not differ, or labels do not suffice for a prompt.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.methods.self_verified import self_verified
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> traces = read_traces("examples/humaneval_codegen16b.parquet")
      >>> (pools,) = sample_pools(traces, placed=False)
      >>> tried = self_verified(outcomes_at(pools, None), 8, labels=2000, seed=0)
      >>> float(tried.samples.mean()) < 8, float(tried.values.mean()) > 0.27
      (True, True)
    """
    known = found.score[found.mask & np.isfinite(found.score)]
    splits = Splits.of(found, labels, seed) if known.size and np.ptp(known) > 0 else None
    if splits is None:
        return None
    thresholds = np.unique(np.quantile(known, _QUANTILES, method="higher"))
    each = [
        until_accepted("self_verified", found, found.score >= at, most, checked=False)
        for at in thresholds
    ]
    values = np.stack([one.values for one in each])
    chosen = [int(np.argmax(values[:, train].mean(axis=1))) for train in splits.train]
    held = splits.held_out(values[chosen])
    samples, tokens = (
        splits.held_out(np.stack([getattr(each[best], name) for best in chosen])).values
        for name in ("samples", "tokens")
    )
    return MeasuredMethod(
        method="self_verified",
        values=held.values,
        samples=samples,
        tokens=tokens,
        labels=splits.labels,
        shifts=held.shifts,
    )
