"""Figure `bilevel-reward`: the reward of sampled traces, token by token.

Traces of examples/: of the prompt whose returns vary most, the earliest, the middle and the latest
correct trace and the first one that is never correct.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import fitted
from verigap.figures.needs import Content
from verigap.figures.panels import common_unit, group_name
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB
from verigap.storage.units import LengthUnit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = (
    "A trace earns nothing until it is correct and one a token from then on, so its return is the "
    "tokens left."
)

_GROUPS = (("gpt-4-cot", 96), (None, 64))


def _compute(tables: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    from verigap.llm_validation.pools.pools import verified_pools
    from verigap.llm_validation.traces import group_traces, load_traces

    contents = []
    for table, (model, horizon) in zip(tables, _GROUPS, strict=True):
        traces = load_traces(table)
        if model is not None:
            traces = group_traces(traces, "game24", model)
        (pools,) = verified_pools(traces)
        returns = pools.returns(horizon)
        spread = np.where(pools.mask, returns, np.nan)
        variances = np.nanvar(spread, axis=1)
        prompt = int(np.argmax(variances))
        own = np.flatnonzero(pools.mask[prompt])
        first = pools.first_correct[prompt]
        correct = sorted(own[first[own] <= horizon], key=lambda slot: (first[slot], slot))
        never = [slot for slot in own if np.isinf(first[slot])]
        examples = [correct[0], correct[(len(correct) - 1) // 2], correct[-1], never[0]]
        contents.append(
            {
                "dataset": pools.dataset,
                "model": pools.model,
                "unit": pools.unit,
                "prompt": pools.prompt_ids[prompt],
                "samples": own.size,
                "correct": len(correct),
                "horizon": horizon,
                "mean": float(np.nanmean(spread[prompt])),
                "sd": float(variances[prompt] ** 0.5),
                "traces": [
                    {
                        "sample": int(slot),
                        "first_correct": None if np.isinf(first[slot]) else int(first[slot]),
                        "length": int(pools.n_tokens[prompt, slot]),
                    }
                    for slot in examples
                ],
            }
        )
    return contents


NEEDS = {"traces": Content("bilevel-reward", _compute, fitted.TABLES)}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the chosen traces."""
    from matplotlib.figure import Figure

    groups = data["traces"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.4))
    axes = figure.subplots(1, len(groups), squeeze=False)[0]
    for axis, group in zip(axes, groups, strict=True):
        _traces(axis, group)
    axes[0].set_ylabel("reward $r_h$, one trace a row")
    figure.tight_layout(w_pad=1.5)
    return figure


def _traces(axis: Axes, group: Mapping[str, Any]) -> None:
    """One row a trace: its reward after every token, 0 at the row's foot and 1 at its top."""
    horizon, height = group["horizon"], 0.62
    rows = len(group["traces"])
    for row, trace in enumerate(group["traces"]):
        foot, first = float(rows - 1 - row), trace["first_correct"]
        earned = 0 if first is None else max(horizon - first + 1, 0)
        # Token h covers the interval from h - 1 to h, so that the area is the return.
        start = horizon - earned
        axis.plot(
            [0, start, start, horizon] if earned else [0, horizon],
            [foot, foot, foot + height, foot + height] if earned else [foot, foot],
            color=VB, solid_joinstyle="miter",
        )  # fmt: skip
        if earned:
            axis.fill_between([start, horizon], foot, foot + height, color=VB, alpha=0.2, lw=0)
        axis.plot(min(trace["length"], horizon), foot, "|", color="black", ms=7, mew=1.2)
        axis.text(horizon * 1.02, foot + 0.36, f"$J={earned}$", fontsize=7)
        axis.text(horizon * 1.02, foot, f"sample {trace['sample']}", fontsize=6, color=BOUND)
    axis.axvline(horizon, color=GUIDE, lw=0.8, ls=":")
    axis.set_xlim(0, horizon * 1.2)
    axis.spines["bottom"].set_bounds(0, horizon)
    axis.set_ylim(-0.3, rows - 1 + height + 0.15)
    axis.set_yticks(
        [place for row in range(rows) for place in (row, row + height)], ["0", "1"] * rows
    )
    ticks = np.linspace(0, horizon, 5)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks[:-1]] + [f"$H={horizon}$"])
    axis.set_xlabel(f"{LengthUnit(group['unit']).singular} $h$")
    axis.set_title(f"{group_name(group)}, prompt {group['prompt']}")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with what the traces are."""
    unit = common_unit(data["traces"])
    one = unit.singular
    groups = " ".join(
        f"{group_name(group)}, prompt {group['prompt']}: {group['correct']} of {group['samples']} "
        f"samples are correct within H = {group['horizon']} {group['unit']}; mean return "
        f"{group['mean']:.1f}, sd {group['sd']:.1f} {group['unit']}, sd/H "
        f"{group['sd'] / group['horizon']:.2f}."
        for group in data["traces"]
    )
    return (
        f"Bi-level reward of real sampled traces: 0 before the first correct {one}, 1 for every "
        f"{one} from there to the budget, whether or not the trace ends before it (black tick: its "
        f"last {one}). The return J is the shaded area, in {unit}. By a fixed rule: the prompt "
        "whose returns vary most, and of its samples the earliest, the middle and the latest that "
        f"are correct in time, and the first that never is. {groups}"
    )
