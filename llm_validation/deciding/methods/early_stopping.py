"""Self-consistency with early stopping on pools: the vote ends once it is decided.

Source: see `verigap.theory.self_consistency`, whose rule and error this uses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from verigap.llm_validation.deciding.methods.measured import MeasuredMethod
from verigap.llm_validation.deciding.methods.orders import VotesAlong
from verigap.theory.self_consistency import StoppingRule


class StoppedVotes(NamedTuple):
    """A vote of at most N samples that is stopped early, beside the full one.

    Attributes:
      stopped: what it earns and spends.
      full: the same of the vote of all N, in the same orders.
      rule: when it stops; its error bounds how often another answer is given.
    """

    stopped: MeasuredMethod
    full: MeasuredMethod
    rule: StoppingRule

    @property
    def saved(self) -> float:
        """Share of the tokens that are saved, of the samples where lengths are unknown."""
        spent, all_of = self.stopped.tokens.mean(), self.full.tokens.mean()
        if np.isnan(all_of):
            spent, all_of = self.stopped.samples.mean(), self.full.samples.mean()
        return float(1.0 - spent / all_of)


def stopped_votes(votes: VotesAlong, error: float) -> StoppedVotes:
    """The vote of as many samples as the last look has, stopped at a look once it is decided.

    Args:
      votes: along random orders.
      error: bound on the probability of another answer than the full vote's; 0 gives the same.

    Raises:
      ValueError: the error is not in [0, 1).

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.methods import orders
      >>> from verigap.llm_validation.deciding.methods.early_stopping import stopped_votes
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = outcomes_at(pools, 64)
      >>> drawn = orders.random_orders(found, 12, seed=0)
      >>> both = stopped_votes(orders.votes_along(found, drawn, range(1, 13)), error=0.0)
      >>> bool((both.stopped.values == both.full.values).all()), both.saved > 0
      (True, True)
    """
    rule = StoppingRule(num_candidates=votes.looks[-1], error=error, looks=votes.looks[:-1])
    stops = np.stack(
        [
            rule.stops(leader, rival, look)
            for look, leader, rival in zip(votes.looks, votes.leader, votes.rival, strict=True)
        ]
    )
    first = np.argmax(stops, axis=0)[None]

    def at_stop(table: np.ndarray) -> np.ndarray:
        return np.take_along_axis(table, first, axis=0)[0].mean(axis=1)

    samples = np.broadcast_to(np.array(votes.looks, float)[:, None, None], votes.values.shape)
    stopped = MeasuredMethod(
        method="vote_until_decided",
        values=at_stop(votes.values),
        samples=at_stop(samples),
        tokens=at_stop(votes.tokens),
    )
    full = MeasuredMethod(
        method="vote",
        values=votes.values[-1].mean(axis=1),
        samples=samples[-1].mean(axis=1),
        tokens=votes.tokens[-1].mean(axis=1),
    )
    return StoppedVotes(stopped, full, rule)
