"""Several models or checkpoints on the same prompts: paired differences of their arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verigap.llm_validation.deciding.decisions import GroupDecisions
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.pools.pools import SamplePools

Group = tuple[SamplePools, GroupDecisions]
_COMPARED = ("single", "vote", "exact")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Accuracy of one group less that of another, over the prompts that both have.

    Attributes:
      dataset: of both.
      model, other: of the two groups.
      prompts: prompts that both have, P.
      num_candidates: N of the vote and of the exact check.
      differences: by arm; the intervals are over the common prompts.
    """

    dataset: str
    model: str
    other: str
    prompts: int
    num_candidates: int
    differences: dict[str, Statistic]


def compare(groups: Sequence[Group], seed: int) -> list[Comparison]:
    """Every pair of groups of one dataset that have at least two prompts in common.

    Args:
      groups: the samples and the decisions of each group, in the order of the report; a later one
        is compared with each earlier one.
      seed: seed of the draws.
    """
    pairs = [
        (later, earlier)
        for index, later in enumerate(groups)
        for earlier in groups[:index]
        if later[0].dataset == earlier[0].dataset
    ]
    return [row for pair in pairs if (row := _compare(*pair, seed)) is not None]


def _compare(group: Group, other: Group, seed: int) -> Comparison | None:
    (pools, decisions), (other_pools, other_decisions) = group, other
    first, second = (_by_prompt(*each) for each in (group, other))
    shared = sorted(first.keys() & second.keys())
    n = min(decisions.num_candidates, other_decisions.num_candidates)
    tables = [each.selection for each in (decisions, other_decisions)]
    if len(shared) < 2 or any(n not in table.counts for table in tables):
        return None
    arms = [arm for arm in _COMPARED if all(arm in t.values["accuracy"] for t in tables)]
    values = {}
    for name, places, table in (("a", first, tables[0]), ("b", second, tables[1])):
        rows = [places[prompt] for prompt in shared]
        for arm in arms:
            values[f"{name} {arm}"] = table.values["accuracy"][arm][table.counts.index(n)][rows]
    joint = JointMeans.of(values, most=1.0, seed=seed)
    return Comparison(
        dataset=pools.dataset,
        model=pools.model,
        other=other_pools.model,
        prompts=len(shared),
        num_candidates=n,
        differences={arm: joint.difference(f"a {arm}", f"b {arm}") for arm in arms},
    )


def _by_prompt(pools: SamplePools, decisions: GroupDecisions) -> dict[str, int]:
    """Place of each prompt among those of the selection."""
    kept = decisions.selection.prompts
    return {pools.prompt_ids[index]: place for place, index in enumerate(kept)}
