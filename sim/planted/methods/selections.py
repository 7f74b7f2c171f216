"""Rows of the methods that train no policy: the base's traces, chosen from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.planted.learners.selection import best_of_n_value
from verigap.sim.planted.methods.candidates import Candidates, random_orders
from verigap.sim.planted.methods.cell import MethodsCell
from verigap.sim.planted.methods.guided_beam import guided_beam
from verigap.sim.planted.methods.selecting import (
    Selected,
    best_of_n,
    first_accepted,
    pessimistic_best_of_n,
    single,
)
from verigap.sim.planted.methods.spending import Spending
from verigap.sim.planted.methods.verifiers import Verifier
from verigap.theory.self_correction import SelfCorrection, corrected_answer

ACCEPTED = 0.5
"""Probability of a correct trace from which a verifier accepts it."""

SEARCHES = 8
"""Beam searches of a prompt."""


def without_verifier(cell: MethodsCell) -> Iterator[dict[str, Any]]:
    """One sample, the vote, and what an exact check makes of the samples."""
    returns, nothing = cell.own.returns, Spending()
    yield cell.row("base", single(returns), nothing, side="base")
    yield cell.row("vote", cell.own_votes.won(cell.sets), nothing, side="vf")
    yield cell.row("beam", _beam(cell, None), nothing, side="vf")
    yield cell.row(
        "best-of-n", best_of_n(returns, returns, cell.sets), nothing, side="vb", exact=True
    )
    right = first_accepted(returns > 0, returns, cell.sets)
    yield cell.row("until-accepted", right, nothing, side="vb", exact=True)


def with_verifier(
    cell: MethodsCell, verifier: Verifier, judged: Float[np.ndarray, "prompts samples H"]
) -> Iterator[dict[str, Any]]:
    """Every way to choose among the base's traces by a learned verifier.

    Args:
      cell: the cell.
      verifier: the verifier.
      judged: its probability of the reward of every prefix of the base's traces.
    """
    p, returns = cell.parameters, cell.own.returns
    scores = verifier.scores(judged)
    # The penalty that its guarantee asks for on the expert's ball.
    regularisation = max(verifier.error, 1e-6) / p.chi2_radius**0.5
    found: dict[str, Selected] = {
        "best-of-n": best_of_n(scores, returns, cell.sets),
        "weighted-vote": cell.own_votes.won(cell.sets, scores),
        "pessimistic-best-of-n": pessimistic_best_of_n(scores, returns, cell.sets, regularisation),
        "until-accepted": first_accepted(judged[..., -1] >= ACCEPTED, returns, cell.sets),
        "guided-beam": _beam(cell, verifier),
    }
    for method, selected in found.items():
        yield cell.row(method, selected, verifier.spent, side="vb", verifier=verifier)


def _beam(cell: MethodsCell, verifier: Verifier | None) -> Selected:
    p = cell.parameters
    key = cell.key("beam" if verifier is None else f"beam {verifier.spec.name}")
    return guided_beam(key, cell.instance, cell.base, verifier, p.beam, p.num_candidates, SEARCHES)


def along_votes(cell: MethodsCell) -> list[dict[str, Any]]:
    """The vote over N."""
    p = cell.parameters
    curve = []
    for n in _numbers(p.samples):
        won = cell.own_votes.won(random_orders(0, p.samples, n, p.orders))
        value = won.value.tolist()
        curve.append(
            {"curve": "vote", "of": "", "at": float(n), "value": value, "promised": [np.nan]}
        )
    return curve


def _numbers(samples: int) -> list[int]:
    """Powers of two up to the number of samples."""
    return [2**power for power in range(int(np.log2(samples)) + 1)]


def along_candidates(cell: MethodsCell, name: str, scores: np.ndarray) -> list[dict[str, Any]]:
    """Best-of-N over N, as earned and as the scores promise: over-optimisation against N.

    Args:
      cell: the cell.
      name: of the verifier.
      scores: of the base's traces (tokens).
    """
    returns = cell.own.returns
    return [
        {
            "curve": "best-of-n",
            "of": name,
            "at": float(n),
            "value": best_of_n_value(scores, returns, n).tolist(),
            "promised": best_of_n_value(scores, scores, n).tolist(),
        }
        for n in _numbers(returns.shape[1])
    ]


def quality(verifier: Verifier, own: Candidates, judged: np.ndarray) -> dict[str, Any]:
    """How a verifier errs on the base's traces of held-out prompts."""
    right, accepted = own.returns > 0, judged[..., -1] >= ACCEPTED
    scores = verifier.scores(judged)
    varied = np.ptp(scores) > 0 and np.ptp(own.returns) > 0
    return {
        "name": verifier.spec.name,
        "labels": verifier.spent.labels,
        "error": verifier.error,
        "correlation": float(np.corrcoef(scores.ravel(), own.returns.ravel())[0, 1])
        if varied
        else float("nan"),
        "false_positive": float(accepted[~right].mean()) if (~right).any() else float("nan"),
        "false_negative": float((~accepted)[right].mean()) if right.any() else float("nan"),
    }


def predicted_correction(
    own: Candidates, judged: np.ndarray, num_candidates: int
) -> Float[np.ndarray, " prompts"]:
    """Success of `until-accepted` by the Markov chain of the theory, from each prompt's rates."""
    right, accepted = own.returns > 0, judged[..., -1] >= ACCEPTED
    share = right.mean(axis=1)
    wrong_taken = (accepted & ~right).mean(axis=1) / np.maximum(1 - share, 1e-12)
    right_refused = (~accepted & right).mean(axis=1) / np.maximum(share, 1e-12)
    chain = SelfCorrection(share, share, share, wrong_taken, right_refused)
    return np.asarray(corrected_answer(chain, num_candidates).success)
