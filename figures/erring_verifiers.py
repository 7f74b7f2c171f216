"""Figure `erring-verifiers`: how much a check may err before a vote, or cloning, does better.

All edges are solved for. Left for finite laws of answers, in the middle for pools of real samples
with the check of one of them placed on the plane, right in the relabelling game with labels that
are wrong by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Content
from verigap.figures.panels import dataset_name, model_name
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = (
    "Where the right answer is the likeliest, more samples favour a vote over a check that accepts "
    "wrong ones; how noisy labels may be before cloning does better is set by what a demonstration "
    "tells."
)

LAW, MISLED = (0.4, 0.3, 0.3), (0.3, 0.4, 0.3)
"""Chances of the right answer, first, and of wrong ones, where the vote finds it and where not."""

COUNTS = (4, 16, 64)
POOLS = ("humaneval_codegen16b", "smollm2_products", "game24_gpt4")
POOL_CANDIDATES = 8
THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the code pack's score, the share of generated tests that a program passes."""

SUCCESS, EXPERT, SIZES = 0.25, 0.5, (10.0, 20.0, 40.0)
"""Of the base and of the expert, and bits of the classes; regions are those of the middle one."""

_LABELS = (4, 256)


def _compute(tables: Sequence[Path], full: bool) -> dict[str, Any]:
    return {
        "laws": law_frontiers(_rates(200)),
        "pools": pool_frontiers(tables, _rates(200 if full else 80)),
        "game": game_frontiers(41 if full else 21),
    }


def _rates(steps: int) -> np.ndarray:
    return np.round(np.linspace(0.0, 1.0, steps + 1), 4)


def law_frontiers(rates: np.ndarray) -> list[dict[str, Any]]:
    """f_n at each f_p where best-of-N equals the vote, by law, N and kind of errors."""
    from verigap.theory.check_or_vote import Errors, vote_frontier

    kinds: tuple[Errors, Errors] = ("fresh", "systematic")
    laws = [*((LAW, n) for n in COUNTS), (MISLED, COUNTS[1])]
    wanted: list[tuple[tuple[float, ...], int, Errors]] = [
        (answers, n, kind) for answers, n in laws for kind in kinds
    ]
    return [
        {
            "answers": list(answers),
            "num_candidates": n,
            "errors": kind,
            "false_positive": rates.tolist(),
            "false_negative": _known(vote_frontier(answers, n, rates, errors=kind)),
        }
        for answers, n, kind in wanted
    ]


def pool_frontiers(tables: Sequence[Path], rates: np.ndarray) -> list[dict[str, Any]]:
    """The same on pools, and the checks of those that have a score."""
    from dataclasses import asdict

    from verigap.llm_validation.deciding.check_or_vote import (
        place_checks,
        pool_frontier,
        vote_values,
    )
    from verigap.llm_validation.deciding.outcomes import outcomes_at
    from verigap.llm_validation.pools import sample_pools
    from verigap.llm_validation.traces import load_traces

    contents = []
    for table in tables:
        for pools in sample_pools(load_traces(table), placed=False):
            found = outcomes_at(pools, None)
            vote = float(vote_values(found, POOL_CANDIDATES, seed=0).mean())
            scored = np.isfinite(found.score).any()
            checks = place_checks(found, THRESHOLDS, POOL_CANDIDATES, seed=0) if scored else []
            contents.append(
                {
                    "dataset": pools.dataset,
                    "model": pools.model,
                    "prompts": pools.prompts,
                    "vote": vote,
                    "false_positive": rates.tolist(),
                    "false_negative": _known(pool_frontier(found, POOL_CANDIDATES, rates, vote)),
                    "checks": [asdict(check) for check in checks],
                }
            )
    return contents


def game_frontiers(points: int) -> dict[str, Any]:
    """Noise of n labels where either side's lead begins, in one class, and where both are equal."""
    from verigap.theory.frontier import MARGIN, exact_noise_frontier, noise_rate_frontier

    budgets = np.unique(np.rint(np.geomspace(*_LABELS, points)).astype(int))
    equal = {}
    for bits in SIZES:
        found = exact_noise_frontier(SUCCESS, EXPERT, budgets, bits)
        # Elsewhere neither side is ever ahead.
        led = (found.first > MARGIN) | (found.last < -MARGIN)
        equal[f"{bits:g}"] = np.where(led, _known(found), np.nan).tolist()
    edges = {
        side: _known(exact_noise_frontier(SUCCESS, EXPERT, budgets, SIZES[1], level=level))
        for side, level in (("cloning", -MARGIN), ("verifying", MARGIN))
    }
    rate = noise_rate_frontier(SUCCESS, EXPERT)
    return {"data_budget": budgets.tolist(), "rate": rate, "equal": equal, **edges}


def _known(crossings: Any) -> list[float]:
    """Places of crossings whose roots were found, to the digits that a root is found to."""
    places = np.where(crossings.converged, crossings.at, np.nan).tolist()
    return [float(f"{place:.6g}") for place in places]


NEEDS = {
    "planes": Content(
        "erring-verifiers", _compute, tuple(f"examples/{pack}.parquet" for pack in POOLS)
    )
}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the solved edges and the placed checks."""
    from matplotlib.figure import Figure

    planes = data["planes"]
    figure = Figure(figsize=(2.05 * COLUMN, 3.0))
    axes = figure.subplots(1, 3)
    _draw_laws(axes[0], planes["laws"])
    _draw_pools(axes[1], planes["pools"])
    _draw_game(axes[2], planes["game"])
    figure.tight_layout(w_pad=0.8)
    return figure


def _array(values: Sequence[float | None]) -> np.ndarray:
    """Numbers as they come from JSON, where one that is not known is None."""
    return np.asarray([np.nan if value is None else value for value in values], float)


def _plane(axis: Axes, title: str) -> None:
    """A plane of error rates, with the line on which a check tells nothing."""
    axis.plot([0, 1], [1, 0], ":", color=GUIDE, lw=0.8)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xlabel("false positive rate $f_p$")
    axis.set_ylabel("false negative rate $f_n$")
    axis.set_title(title)
    _name(axis, 0.03, 0.03, "check\nahead", "left")
    _name(axis, 0.97, 0.72, "vote\nahead", "right")
    _legend(axis)


def _legend(axis: Axes) -> None:
    """Below the panel, where no line is."""
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2, handlelength=1.4,
        columnspacing=1.0, labelspacing=0.3, borderaxespad=0.0,
    )  # fmt: skip


_SHADES = (0.35, 0.65, 1.0)


def _draw_laws(axis: Axes, laws: Sequence[Mapping[str, Any]]) -> None:
    for own in laws:
        fresh, misled = own["errors"] == "fresh", tuple(own["answers"]) == MISLED
        n = own["num_candidates"]
        axis.plot(
            own["false_positive"],
            _array(own["false_negative"]),
            "-" if fresh else "--",
            color=BOUND if misled else VB,
            alpha=1.0 if misled else _SHADES[COUNTS.index(n)],
            label=f"$N={n}$" + (", vote misled" if misled else "") if fresh else None,
        )
    axis.plot([], [], "--", color=GUIDE, label="errors by answer")
    _plane(axis, "finite laws")


_COLOURS = (VB, "#009E73", "#CC79A7", "#CC79A7")


def _draw_pools(axis: Axes, pools: Sequence[Mapping[str, Any]]) -> None:
    for place, (own, colour) in enumerate(zip(pools, _COLOURS, strict=True)):
        # Two models of one dataset share its colour.
        again = place > 0 and pools[place - 1]["dataset"] == own["dataset"]
        single = sum(each["dataset"] == own["dataset"] for each in pools) == 1
        axis.plot(
            own["false_positive"],
            _array(own["false_negative"]),
            "--" if again else "-",
            label=dataset_name(own) if single else f"{dataset_name(own)}, {model_name(own)}",
            color=colour,
        )
        for check in own["checks"]:
            at = check["false_positive"], check["false_negative"]
            face = colour if check["measured"] > check["vote"] else "white"
            axis.plot(*at, "D", mfc=face, ms=3.5, zorder=3, color=colour)
            axis.annotate(
                f"{check['threshold']:g}", at, (3, -1), textcoords="offset points", fontsize=5.5
            )
    _plane(axis, f"real pools, $N={POOL_CANDIDATES}$, fresh errors")


def _draw_game(axis: Axes, game: Mapping[str, Any]) -> None:
    n = _array(game["data_budget"])
    axis.fill_between(n, _array(game["cloning"]), 0.5, color=VF, alpha=0.18, lw=0)
    axis.fill_between(n, 0.0, _array(game["verifying"]), color=VB, alpha=0.18, lw=0)
    for bits, style in zip(game["equal"], (":", "-", "--"), strict=True):
        axis.plot(n, _array(game["equal"][bits]), style, color="black", label=f"$d={bits}$")
    axis.axhline(game["rate"], color=GUIDE, lw=0.8, label="equal nats", zorder=1)
    _name(axis, 0.97, 0.6, "cloning\nahead", "right")
    _name(axis, 0.6, 0.1, "labels\nahead", "right")
    axis.set_xscale("log", base=2)
    axis.set_xlim(*_LABELS)
    axis.set_ylim(0, 0.5)
    axis.set_xlabel("labels, or demonstrations, $n$")
    axis.set_ylabel("noise $f$ of the labels")
    axis.set_title("relabelling game")
    _legend(axis)


def _name(axis: Axes, x: float, y: float, text: str, side: str) -> None:
    axis.text(x, y, text, transform=axis.transAxes, ha=side, va="bottom", fontsize=6.5, color=BOUND)


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with its parameters."""
    pools = data["planes"]["pools"]
    prompts = ", ".join(
        f"{model_name(own)} on {dataset_name(own)} ({own['prompts']} prompts)" for own in pools
    )
    checks = [check for own in pools for check in own["checks"]]
    inside = [each for each in checks if (each["frontier"] or 0.0) > each["false_negative"]]
    ahead = sum(check["measured"] > check["vote"] for check in checks)
    law, misled = (", ".join(f"{chance:g}" for chance in each) for each in (LAW, MISLED))
    return (
        "Where verifying loses its edge, solved for. Left and middle: below its line best-of-N by "
        "a check that accepts wrong samples at rate f_p and rejects right ones at rate f_n is "
        "right more often than the vote of the same N samples; dotted: the check tells nothing. "
        f"Left: exact, for answers of chances {law}, the right one first; grey: {misled}, where "
        "the vote is wrong in the limit. Solid: each sample's verdict errs by itself; dashed: "
        "each answer's verdict is drawn once. Middle: "
        f"{prompts}; lines are for errors by sample, the same rates on every prompt, exact but "
        f"for the vote, a mean over random sets of N = {POOL_CANDIDATES}. Diamonds: the code "
        "pack's check, a share of generated tests passed of at least the number beside it, at its "
        "rates over all samples; filled where best-of-N by it is measured ahead of the vote: "
        f"{ahead} of {len(checks)}, though {len(inside)} lie below the line, as its rates differ "
        "between prompts. Right: exact, all-or-nothing returns, the base succeeds "
        f"1 in {1 / SUCCESS:g} and the expert 1 in {1 / EXPERT:g}; n labels, each flipped with "
        "probability f, against n demonstrations, both on the expert's leash; lines: both are "
        "worth the same, in classes of d bits; shaded where the lead is above 1 % of what the "
        f"expert adds, in a class of {SIZES[1]:g} bits; grey line: a label says as many nats as a "
        "demonstration."
    )
