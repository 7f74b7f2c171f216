"""Methods at test time beside the decisions of a group, at what those are about."""

from __future__ import annotations

from verigap.llm_validation.deciding.decisions import GroupDecisions, Verifier, allowed
from verigap.llm_validation.deciding.methods.equal_budgets import EqualBudgets, compare_methods
from verigap.llm_validation.deciding.selection import ARMS

_KINDS: dict[str, Verifier | None] = {
    "vote_until_decided": None,
    "vote_adaptive": "learned",
    "best_score_pessimistic": "score",
    "self_verified": "score",
    "until_right": "exact",
}
"""What verifier a method needs that is no arm of selection."""


def diagnosed_methods(group: GroupDecisions) -> EqualBudgets | None:
    """Every method that the samples allow, at the budget H, the N and the n of the decisions.

    Args:
      group: the decisions, which do not rest on these methods.

    Returns:
      None at N = 1, which leaves nothing to spend.

    Example:
      >>> from verigap.llm_validation.deciding.leashes import USUAL
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.decisions import Request, decide_group
      >>> from verigap.llm_validation.deciding.methods.diagnosed import diagnosed_methods
      >>> from verigap.llm_validation.pools.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> request = Request(num_candidates=8, data_budgets=(64,), leash=USUAL, worth=None, seed=0)
      >>> table = diagnosed_methods(decide_group(pools, None, request))
      >>> table.reference, table.budget.num_candidates, table.budget.labels
      ('vote', 8, 64)
    """
    if group.num_candidates < 2:
        return None
    return compare_methods(
        group.outcomes,
        num_candidates=group.num_candidates,
        labels=group.data_budget,
        seed=group.seed,
    )


def needs_no_other(method: str, verifier: Verifier | None) -> bool:
    """Whether a method needs no verifier, or one that is there; without a name any but an exact.

    Args:
      method: a method, or an arm of selection.
      verifier: the one that there is.

    Example:
      >>> from verigap.llm_validation.deciding.methods.diagnosed import needs_no_other
      >>> [needs_no_other("self_verified", kind) for kind in (None, "score", "learned")]
      [True, True, False]
    """
    kinds: tuple[Verifier, ...] = ("score", "learned") if verifier is None else (verifier,)
    if method in ARMS:
        return any(allowed(method, kind) for kind in kinds)
    return _KINDS[method] is None or _KINDS[method] in kinds
