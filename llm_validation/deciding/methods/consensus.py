"""Consensus of generated tests and solutions on pools, where an answer is the set of tests passed.

Source: Chen et al., arXiv 2207.10397 (CodeT). Solutions that pass the same tests form a group,
whose score grows with its solutions and with the tests that they pass.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.deciding.outcomes import Outcomes

PAPER, CODE = 1.0, 0.5
"""Powers of the number of solutions: of the paper, and of the authors' code, which takes a root."""


def consensus_values(found: Outcomes, sets: Candidates, power: float) -> Float[np.ndarray, " P"]:
    """Mean accuracy of a random solution of the group with the largest score.

    The score of a group is solutions^power times the share of the tests passed. Where all groups
    have score 0 they tie, and where no candidate passes a test any is as likely.

    Args:
      found: samples whose answer says which tests they pass, none where they pass none, and whose
        score is the share of the tests passed; scores of equal answers are equal.
      sets: the N candidates.
      power: at least 0. At `PAPER` it is the vote weighted by the score, at 0 the best
        score, but that groups tie, not samples.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.candidates import Candidates
      >>> from verigap.llm_validation.deciding.methods.consensus import CODE, consensus_values
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> traces = read_traces("examples/humaneval_codegen16b.parquet")
      >>> (pools,) = sample_pools(traces, placed=False)
      >>> found = outcomes_at(pools, None)
      >>> every = Candidates.of(found, 100, seed=0)
      >>> [round(float(consensus_values(found, every, at).mean()), 3) for at in (0.0, CODE, 1.0)]
      [0.211, 0.375, 0.365]
    """
    score = np.nan_to_num(gather(found.score, sets.index))
    if not sets.groups:
        return arms.vote(sets, found.rewards["accuracy"])
    size = np.take_along_axis(sets.counts, np.maximum(sets.answer, 0), axis=2)
    # A group's weights add up to its score.
    weight = score * np.maximum(size, 1.0) ** (power - 1.0)
    return arms.vote(sets, found.rewards["accuracy"], weight)
