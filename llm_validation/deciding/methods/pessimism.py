"""Best-of-N with inference-time pessimism on pools, its strength learned from labels or given.

Source: Huang et al., arXiv 2503.21878; see `verigap.theory.inference_time_pessimism`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.deciding.methods.held_out_prompts import Splits
from verigap.llm_validation.deciding.methods.measured import MeasuredMethod, of_all_candidates
from verigap.llm_validation.deciding.outcomes import Outcomes

STRENGTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Regularisations beta that are tried, as shares of the range of the scores of the group."""


def regularisations(found: Outcomes) -> Float[np.ndarray, " strengths"]:
    """The beta that are tried, in the unit of the score."""
    known = found.score[found.mask & np.isfinite(found.score)]
    return np.array(STRENGTHS) * float(np.ptp(known))


def pessimistic_values(
    found: Outcomes, sets: Candidates, regularisation: float
) -> Float[np.ndarray, " P"]:
    """Mean accuracy of best-of-N with one beta.

    Args:
      found: samples with scores.
      sets: the N candidates.
      regularisation: beta > 0, in the unit of the score.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.candidates import Candidates
      >>> from verigap.llm_validation.deciding.methods.pessimism import pessimistic_values
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> traces = read_traces("examples/humaneval_codegen16b.parquet")
      >>> (pools,) = sample_pools(traces, placed=False)
      >>> found = outcomes_at(pools, None)
      >>> every = Candidates.of(found, 100, seed=0)
      >>> values = [pessimistic_values(found, every, beta) for beta in (1e-6, 0.05)]
      >>> [round(float(each.mean()), 3) for each in values]
      [0.217, 0.315]
    """
    score = gather(found.score, sets.index)
    return arms.pessimistic(sets, score, found.rewards["accuracy"], regularisation)


def pessimistic_best_of_n(
    found: Outcomes, sets: Candidates, labels: int, seed: int
) -> MeasuredMethod | None:
    """Best-of-N with the beta that earns most on labelled prompts, on the others.

    Args:
      found: the samples.
      sets: the N candidates.
      labels: the most samples of other prompts whose verdicts choose beta.
      seed: seed of the splits.

    Returns:
      None where scores do not differ, or labels do not suffice for a prompt.
    """
    if not np.isfinite(found.score).any() or not regularisations(found).any():
        return None
    splits = Splits.of(found, labels, seed)
    if splits is None:
        return None
    values = np.stack(
        [pessimistic_values(found, sets, float(beta)) for beta in regularisations(found)]
    )
    chosen = [int(np.argmax(values[:, train].mean(axis=1))) for train in splits.train]
    held = splits.held_out(values[chosen])
    return of_all_candidates(
        "best_score_pessimistic",
        found,
        held.values,
        sets.index.shape[2],
        labels=splits.labels,
        shifts=held.shifts,
    )
