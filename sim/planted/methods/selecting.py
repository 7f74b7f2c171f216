"""Choosing one of N traces of a prompt: by a vote, by a score, with pessimism, until accepted.

Every function takes all samples of some prompts and sets of N of them (`random_orders`), and
returns what the choice earns on each prompt, as a mean over the sets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.sim.planted.methods.candidates import Candidates
from verigap.theory import RewardLaw, chi2_penalised_policy
from verigap.theory.arrays import host_array


class Selected(NamedTuple):
    """What a choice earns on each prompt, as means over sets of N samples.

    Attributes:
      value: return (tokens).
      success: share of the answers that are correct at all.
      samples: traces that were looked at before the choice.
    """

    value: Float[np.ndarray, " prompts"]
    success: Float[np.ndarray, " prompts"]
    samples: float


def _of_shares(
    returns: Float[np.ndarray, "prompts sets N"],
    shares: Float[np.ndarray, "prompts sets N"],
    samples: float,
) -> Selected:
    """Of a choice by chance, with the given shares."""
    return Selected(
        (shares * returns).sum(axis=-1).mean(axis=1),
        (shares * (returns > 0)).sum(axis=-1).mean(axis=1),
        samples,
    )


def _of_choice(
    returns: Float[np.ndarray, "prompts sets N"], chosen: Int[np.ndarray, "prompts sets"]
) -> Selected:
    picked = np.take_along_axis(returns, chosen[..., None], axis=-1)[..., 0]
    return Selected(picked.mean(axis=1), (picked > 0).mean(axis=1), float(returns.shape[-1]))


def single(returns: Float[np.ndarray, "prompts samples"]) -> Selected:
    """One sample."""
    return Selected(returns.mean(axis=1), (returns > 0).mean(axis=1), 1.0)


def best_of_n(
    scores: Float[np.ndarray, "prompts samples"],
    returns: Float[np.ndarray, "prompts samples"],
    sets: Int[np.ndarray, "sets N"],
) -> Selected:
    """The sample of the largest score; the first of equals, which the random order makes fair."""
    return _of_choice(returns[:, sets], scores[:, sets].argmax(axis=-1))


def pessimistic_best_of_n(
    scores: Float[np.ndarray, "prompts samples"],
    returns: Float[np.ndarray, "prompts samples"],
    sets: Int[np.ndarray, "sets N"],
    regularisation: float,
) -> Selected:
    """A draw among N with the weights of `chi2_penalised_policy` (arXiv 2503.21878).

    Args:
      scores: estimates of the returns (tokens).
      returns: what is earned (tokens).
      sets: indices of the samples.
      regularisation: beta, tokens.
    """
    order = np.argsort(scores[:, sets], axis=-1, kind="stable")
    score = np.take_along_axis(scores[:, sets], order, axis=-1)
    earned = np.take_along_axis(returns[:, sets], order, axis=-1)
    shares = np.full_like(score, 1.0 / score.shape[-1])
    law = RewardLaw(host_array(score), host_array(shares))
    ratio = np.asarray(chi2_penalised_policy(law, regularisation))
    return _of_shares(earned, ratio * shares, float(score.shape[-1]))


def first_accepted(
    accepted: Bool[np.ndarray, "prompts samples"],
    returns: Float[np.ndarray, "prompts samples"],
    sets: Int[np.ndarray, "sets N"],
) -> Selected:
    """The first sample that a check accepts, or the last of the N (S2R, arXiv 2502.12853).

    Args:
      accepted: the word of the check.
      returns: what is earned (tokens).
      sets: indices of the samples, in the order in which they are drawn.
    """
    seen = accepted[:, sets]
    last = sets.shape[1] - 1
    chosen = np.where(seen.any(axis=-1), seen.argmax(axis=-1), last)
    found = _of_choice(returns[:, sets], chosen)
    return found._replace(samples=float(chosen.mean() + 1))


class Votes(NamedTuple):
    """Which blocks of k tokens the traces of each prompt contain.

    Attributes:
      contains: whether a trace contains each of the V^k blocks.
      ends: index of the token at which its first copy ends; H where there is none.
      returns: tokens of correct trace.
    """

    contains: Float[np.ndarray, "prompts samples blocks"]
    ends: Int[np.ndarray, "prompts samples blocks"]
    returns: Float[np.ndarray, "prompts samples"]

    def won(
        self,
        sets: Int[np.ndarray, "sets N"],
        weights: Float[np.ndarray, "prompts samples"] | None = None,
    ) -> Selected:
        """Answer with the block that most of N traces contain, by the trace that has it first.

        Args:
          sets: indices of the samples.
          weights: of the traces' votes. Default: 1.
        """
        # Ties are broken by a number that belongs to the set and the block, and not to the answer.
        jitter = np.random.default_rng(0).random((len(sets), self.contains.shape[-1])) * 1e-6
        values, successes = [], []
        for prompt, contains in enumerate(self.contains):
            each = contains if weights is None else contains * weights[prompt][:, None]
            winner = (each[sets].sum(axis=1) + jitter).argmax(axis=-1)
            ends = self.ends[prompt][sets, winner[:, None]]
            picked = np.take_along_axis(
                self.returns[prompt][sets], ends.argmin(axis=1)[:, None], axis=1
            )
            values.append(picked.mean())
            successes.append((picked > 0).mean())
        return Selected(np.asarray(values), np.asarray(successes), float(sets.shape[1]))


def votes(candidates: Candidates, vocabulary: int) -> Votes:
    """What the traces would vote for: an answer is any k tokens in a row, as prompts ask for some.

    Args:
      candidates: the traces.
      vocabulary: V.
    """
    symbols = candidates.ids.shape[1]
    horizon = candidates.traces.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(candidates.traces, symbols, axis=-1)
    block = (windows * vocabulary ** np.arange(symbols)[::-1]).sum(axis=-1)
    ends = np.full((*block.shape[:2], vocabulary**symbols), horizon, np.int16)
    rows = np.ogrid[: block.shape[0], : block.shape[1]]
    # From the last to the first, so that the first copy is what remains.
    for place in range(block.shape[-1] - 1, -1, -1):
        ends[*rows, block[..., place]] = place + symbols - 1
    return Votes((ends < horizon).astype(np.float32), ends, candidates.returns)
