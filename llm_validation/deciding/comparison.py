"""Several models or checkpoints on the same prompts: paired differences of their arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verigap.llm_validation.deciding.decisions import GroupDecisions
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import outcomes_at
from verigap.llm_validation.deciding.selection import Selection, select
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.units import LengthUnit

Group = tuple[SamplePools, GroupDecisions]
_COMPARED = ("single", "vote", "exact")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Accuracy of one group less that of another at one H, over the prompts that both have.

    Attributes:
      dataset: of both.
      model, other: of the two groups.
      prompts: prompts that both have, P.
      num_candidates: N of the vote and of the exact check.
      horizon: H of both: the smaller of theirs, as nobody knows what the other would have written
        beyond; None where one has no lengths, and samples of both are taken whole.
      units: of the lengths of either.
      differences: by arm; the intervals are over the common prompts. Empty where no H is common,
        as lengths are in different units.
    """

    dataset: str
    model: str
    other: str
    prompts: int
    num_candidates: int
    horizon: int | None
    units: tuple[LengthUnit, LengthUnit]
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
    if len(shared) < 2 or any(n not in d.selection.counts for d in (decisions, other_decisions)):
        return None
    horizons = (decisions.horizon, other_decisions.horizon)
    horizon = None if None in horizons else min(h for h in horizons if h is not None)
    comparable = horizon is None or pools.unit == other_pools.unit
    values = {}
    if comparable:
        for name, each, places in (("a", group, first), ("b", other, second)):
            rows = [places[prompt] for prompt in shared]
            table = _at(*each, horizon, n, seed)
            of_n = table.values["accuracy"]
            for arm in (arm for arm in _COMPARED if arm in of_n):
                values[f"{name} {arm}"] = of_n[arm][table.counts.index(n)][rows]
    arms = [arm for arm in _COMPARED if {f"a {arm}", f"b {arm}"} <= values.keys()]
    joint = JointMeans.of(values, most=1.0, seed=seed) if values else None
    return Comparison(
        dataset=pools.dataset,
        model=pools.model,
        other=other_pools.model,
        prompts=len(shared),
        num_candidates=n,
        horizon=horizon,
        units=(pools.unit, other_pools.unit),
        differences={}
        if joint is None
        else {arm: joint.difference(f"a {arm}", f"b {arm}") for arm in arms},
    )


def _at(
    pools: SamplePools, decisions: GroupDecisions, horizon: int | None, n: int, seed: int
) -> Selection:
    """The arms of one group at H."""
    if decisions.horizon == horizon:
        return decisions.selection
    found = outcomes_at(pools, horizon)
    return select(found, labels=1, counts=(n,), learn=False, seed=seed)


def _by_prompt(pools: SamplePools, decisions: GroupDecisions) -> dict[str, int]:
    """Place of each prompt among those of the selection."""
    kept = decisions.selection.prompts
    return {pools.prompt_ids[index]: place for place, index in enumerate(kept)}
