"""Figure `equal-budget`: best-of-N against one trace of a verifier-free model, token for token.

Computed from the example traces by the estimator of `verigap measure`. Shows at which total budgets
it pays to split the tokens over candidates, with an exact check and with a learned one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import fitted
from verigap.figures.needs import Content
from verigap.figures.panels import bars, common_unit, group_name, spans
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verigap.llm_validation.measuring.measurement import GroupMeasurement
    from verigap.llm_validation.pools.pools import SamplePools

SHOWS = (
    "At equal tokens an exact check makes several candidates worth more than one trace once each "
    "is long enough to be correct; a learned verifier gains less or nothing."
)

_CANDIDATES = (1, 4, 16)
_DATA = 256
_SEEDS, _FULL_SEEDS = 16, 64


def measured_successes(
    pools: SamplePools, budgets: Sequence[int], candidates: int, data: int, seeds: int
) -> GroupMeasurement:
    """Chances of success of every policy at total budgets B, N traces of at most B/N tokens each.

    The estimator, its learners and its intervals are those of `measure`; what a trace earns is 1 if
    it is correct within its B/N tokens and 0 otherwise, so `values` are probabilities.

    Args:
      pools: verified samples.
      budgets: B, each divisible by N.
      candidates: N.
      data: n, demonstrations and labelled traces.
      seeds: repetitions.
    """
    from verigap.llm_validation.measuring.measurement import GroupMeasurement
    from verigap.llm_validation.pools.features import features, hashed_words
    from verigap.llm_validation.pools.leashes import CHI2_1
    from verigap.llm_validation.pools.policy_values import Settings, halves, values_at

    settings = Settings(
        data_budgets=(data,), num_candidates=candidates, leash=CHI2_1, seeds=seeds, seed=0
    )
    train, hashed = halves(pools.prompts, seeds=seeds, seed=0), hashed_words(pools)
    cells = []
    for budget in budgets:
        horizon = budget // candidates
        # At a budget of one token these pools earn 1 where the real ones succeed, and end where the
        # real ones end; features are of the real ones.
        succeeded = replace(
            pools,
            first_correct=np.where(pools.first_correct <= horizon, 1.0, np.inf),
            n_tokens=np.where(pools.n_tokens > horizon, 2.0, 1.0),
        )
        cells.append(values_at(succeeded, 1, settings, features(pools, horizon, hashed), train))
    longest = candidates * pools.longest
    return GroupMeasurement.of(pools, settings, budgets, cells, longest=longest)


def _budgets(pools: SamplePools) -> list[int]:
    """Powers of two, all multiples of the largest N, to the first beyond the longest trace.

    They start where one trace may be correct, and reach at least where all N may be.
    """
    first = max(*_CANDIDATES, 2 ** int(np.log2(pools.first_correct.min())))
    shortest_for_all = max(_CANDIDATES) * 2 ** int(np.ceil(np.log2(np.nanmedian(pools.n_tokens))))
    last = max(2 * 2 ** int(np.log2(pools.longest)), shortest_for_all)
    return [2**power for power in range(int(np.log2(first)), int(np.log2(last)) + 1)]


def _compute(tables: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    from verigap.llm_validation.pools.pools import verified_pools
    from verigap.llm_validation.traces import load_traces

    contents = []
    for table in tables:
        for pools in verified_pools(load_traces(table)):
            budgets = _budgets(pools)
            arms = []
            for candidates in _CANDIDATES:
                group = measured_successes(
                    pools, budgets, candidates, _DATA, _FULL_SEEDS if full else _SEEDS
                )
                names = ("base", "clone") if candidates == 1 else ("exact", "verify", "vote")
                cells = group.cells()
                arms += [
                    {
                        "policy": name,
                        "candidates": candidates,
                        "success": [list(cell.values[name]) for cell in cells],
                    }
                    for name in names
                ]
            contents.append(
                {
                    "dataset": pools.dataset,
                    "model": pools.model,
                    "unit": pools.unit,
                    "prompts": pools.prompts,
                    "longest": pools.longest,
                    "data": _DATA,
                    "seeds": _FULL_SEEDS if full else _SEEDS,
                    "budgets": budgets,
                    "arms": arms,
                }
            )
    return contents


NEEDS = {"measured": Content("equal-budget", _compute, fitted.TABLES)}


_SINGLE: dict[str, tuple[str, dict[str, Any]]] = {
    "base": ("base, one trace", {"color": GUIDE, "ls": ":", "marker": ""}),
    "clone": ("clone (VF), one trace", {"color": VF, "ls": "-", "marker": "s"}),
}
_ROWS: tuple[dict[str, tuple[str, dict[str, Any]]], ...] = (
    {"exact": ("exact check (VB)", {"color": VB, "marker": "D"})},
    {
        "verify": ("learned verifier (VB)", {"color": VB, "marker": "o"}),
        "vote": ("vote", {"color": BOUND, "marker": "^"}),
    },
)
_FACES = {4: ("white", "--"), 16: (None, "-")}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the measured chances of success."""
    from matplotlib.figure import Figure

    groups = data["measured"]
    figure = Figure(figsize=(2.05 * COLUMN, 4.4))
    axes = figure.subplots(2, len(groups), sharex="col", sharey="col", squeeze=False)
    for column, group in zip(axes.T, groups, strict=True):
        for axis, learners in zip(column, _ROWS, strict=True):
            _successes(axis, group, learners)
        top = max(high or 0.0 for arm in group["arms"] for _, _, high in arm["success"])
        column[0].set_ylim(0, 1.1 * (top or 1.0))
        column[0].set_title(group_name(group))
        column[1].set_xlabel(f"total budget $B$ ({group['unit']})")
    for axis in axes[:, 0]:
        axis.set_ylabel("chance of a correct trace")
    figure.tight_layout(w_pad=0.8, h_pad=1.0, rect=(0, 0.07, 1, 1))
    handles = {
        label: handle
        for axis in axes[:, 0]
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(handles.values()), list(handles), loc="lower center", ncols=4)
    return figure


def _successes(
    axis: Axes, group: Mapping[str, Any], learners: Mapping[str, tuple[str, dict[str, Any]]]
) -> None:
    """Chance of success against the total budget: single traces, and N traces of B/N tokens."""
    budgets = np.asarray(group["budgets"], float)
    arms = [arm for arm in group["arms"] if arm["policy"] in {*_SINGLE, *learners}]
    for place, arm in enumerate(arms):
        number = arm["candidates"]
        label, look = (_SINGLE | dict(learners))[arm["policy"]]
        if arm["policy"] not in _SINGLE:
            face, line = _FACES[number]
            look = {**look, "mfc": face or look["color"], "ls": line}
            label = f"{label}, $N={number}$"
        middle, low, high = spans(arm["success"])
        # Shifted sideways, so that every interval can be seen.
        beside = budgets * 2.0 ** (0.09 * (place - (len(arms) - 1) / 2))
        axis.errorbar(
            beside, middle, bars(middle, low, high), capsize=1.2, elinewidth=0.8, label=label,
            **look,
        )  # fmt: skip
    axis.axvline(group["longest"], color=GUIDE, lw=0.7, ls="-.")
    axis.set_xscale("log", base=2)
    ticks = group["budgets"][::2]
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.minorticks_off()


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with what was measured."""
    groups, unit = data["measured"], common_unit(data["measured"])
    each = ", ".join(
        f"{group_name(group)} ({group['prompts']} prompts, "
        f"longest trace {group['longest']:g} {unit})"
        for group in groups
    )
    numbers = " or ".join(f"{number}" for number in _CANDIDATES[1:])
    return (
        f"Real traces at equal {unit}: {each}. One trace of at most B {unit} against N = {numbers} "
        f"traces cut at B/N {unit} each, of which an exact 0/1 check (above), a reward model or a "
        f"vote (below) chooses one. The clone and the reward model learned from n = "
        f"{groups[0]['data']} traces of other prompts, cut at the same length. The chance that the "
        f"chosen trace is correct is compared, and not its {unit.of_correct_trace}: those are "
        "counted to the end of a trace's own budget, which is B on one side and B/N on the other. "
        f"Held-out prompts, {groups[0]['seeds']} seeds, 95 % bootstrap intervals over prompts and "
        "seeds; points of one B stand side by side. Dash-dotted: the longest trace; beyond it the "
        "single trace is flat because the models stop, which says nothing about models trained to "
        "think longer. An exact check is an oracle. Clone and reward model weigh samples of a pool "
        f"by features that include agreement with its other samples; {unit} spent on features, or "
        "by the verifier, are charged to neither."
    )
