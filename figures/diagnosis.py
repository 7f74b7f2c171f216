"""Figures of a diagnosis, drawn from one group of its report.json.

One small panel each, legible at the width of a phone. No name, answer or text of a trace enters a
figure: they are anybody's, and matplotlib reads mathematics into dollar signs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.panels import bars, cantelli_ceiling, coverage_curve, ends, known, shares_below
from verigap.figures.style import BOUND, GUIDE, VB, VF, styled
from verigap.llm_validation.reporting.page import PageFigure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Group = Mapping[str, Any]

_SIZE = (3.7, 2.5)
_WITH_LEGEND_BELOW = (3.7, 3.2)
# Larger than in print: a phone shows the panel at its own size.
_LETTERS: dict[Any, Any] = {
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7.5,
}
# Colour and line of each arm, and its short name.
_SELECTED: dict[str, tuple[str, str, str]] = {
    "single": ("one sample", GUIDE, "-"),
    "shortest": ("shortest", GUIDE, ":"),
    "vote": ("vote", VF, "-"),
    "vote_score": ("vote by score", "#009E73", "--"),
    "best_score": ("best by score", "#009E73", "-"),
    "vote_learned": ("vote, learned score", VB, "--"),
    "best_learned": ("best, learned score", VB, "-"),
    "exact": ("exact check", "black", "-"),
}
_TRAINED: dict[str, tuple[str, str]] = {
    "clone": ("clone experts", VF),
    "rejection": ("rejection sampling", "#009E73"),
    "reinforce": ("reinforce", VB),
}


def draw_group(group: Group) -> list[PageFigure]:
    """Every figure that the group has the numbers for.

    Args:
      group: an entry of `groups` of `diagnosis_content`.
    """
    figures: tuple[tuple[str, Callable[[Axes, Group], str | None], bool], ...] = (
        ("accuracy", _worth_over_candidates, False),
        ("spending", _accuracy_over_tokens, False),
        ("training", _training_over_data, False),
        ("difficulty", _difficulty, False),
        ("pass-at-k", _pass_at_k, False),
        ("gap-data", _gap_over_data, True),
        ("gap-budget", _gap_over_budget, True),
        ("phase", _phase, True),
        ("heterogeneity", _heterogeneity, True),
        ("coverage", _coverage, True),
    )
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn = []
    for name, draw, theory in figures:
        if theory and group["theory"] is None:
            continue
        with styled(), rc_context(_LETTERS):
            size = _WITH_LEGEND_BELOW if draw is _worth_over_candidates else _SIZE
            figure = Figure(figsize=size, layout="constrained")
            caption = draw(figure.subplots(), group)
            if caption is None:
                continue
            buffer = BytesIO()
            # Neither a date nor a version: the same numbers draw the same bytes.
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        drawn.append(PageFigure(name, buffer.getvalue(), caption, theory))
    return drawn


def draw_overview(groups: Sequence[Group]) -> Figure:
    """Accuracy over N, and of trained policies over n; one row of panels a group."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with styled(), rc_context(_LETTERS):
        width, height = _SIZE
        figure = Figure(figsize=(2 * width, len(groups) * height), layout="constrained")
        rows = figure.subplots(len(groups), 2, squeeze=False)
        for (left, right), group in zip(rows, groups, strict=True):
            _worth_over_candidates(left, group)
            _training_over_data(right, group)
    return figure


def _worth(group: Group) -> str:
    """What the group's currency counts, as an axis names it."""
    return f"{group['unit']} of correct trace" if group["currency"] == "return" else "accuracy"


def _worth_over_candidates(axis: Axes, group: Group) -> str:
    select = group["select"]
    counts, curves = select["counts"], select["curves"][group["currency"]]
    for arm, (label, color, line) in _SELECTED.items():
        if arm not in curves:
            continue
        middle, low, high = ends(curves[arm])
        axis.plot(
            counts, middle, line, color=color, label=label, marker="." if len(counts) == 1 else ""
        )
        if arm in ("vote", "exact", "best_score", "best_learned"):
            axis.fill_between(counts, low, high, color=color, alpha=0.1, lw=0)
    axis.set_xscale("log", base=2)
    _count_ticks(axis, counts)
    axis.axvline(select["num_candidates"], color=GUIDE, lw=0.8, ls=":")
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("samples N a prompt")
    axis.set_ylabel(_worth(group))
    # Below the panel: eight arms leave no room within.
    axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.25), ncols=2, fontsize=7)
    worth = "Return" if group["currency"] == "return" else "Accuracy"
    return (
        f"{worth} of every arm against N. All arms see the same N samples and no others. Bands: "
        "95 % over prompts, of some arms. Dotted: the N that the decision is about."
    )


def _accuracy_over_tokens(axis: Axes, group: Group) -> str | None:
    spending = group["spending"]
    frontier, key = spending["frontier"], spending["key"]
    if not frontier["without_check"]:
        return None
    for name, label, color in (
        ("without_check", "without a check", VF),
        ("with_check", "with an exact check", "black"),
    ):
        rows = frontier[name]
        if not rows:
            continue
        x, y = ([row[of] for row in rows] for of in (key, "accuracy"))
        axis.plot(x, y, drawstyle="steps-post", color=color, label=label)
        for row in rows:
            whole = row["horizon"] == group["budget"]["horizon"]
            axis.plot(row[key], row["accuracy"], "o", color=color, ms=4,
                      mfc=color if whole else "white")  # fmt: skip
    if all(row[key] > 0 for rows in frontier.values() for row in rows):
        axis.set_xscale("log")
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("cost a prompt" if key == "cost" else f"{group['unit']} a prompt")
    axis.set_ylabel("accuracy")
    axis.legend(loc="best")
    spent = "what is" if key == "cost" else f"the {group['unit']}"
    return (
        f"The best accuracy for {spent} spent on a prompt, among arms that learn nothing. Filled: "
        "whole samples. Open: samples stopped at a shorter budget, so that more of them fit."
    )


def _training_over_data(axis: Axes, group: Group) -> str | None:
    train = group["train"]
    if train is None:
        return None
    leash, in_returns = train["leashes"][0], group["currency"] == "return"
    for arm, (label, color) in _TRAINED.items():
        rows = [row for row in train["rows"] if row["arm"] == arm and row["leash"] == leash]
        gains = [row["return_gain" if in_returns else "gain"] for row in rows]
        middle, low, high = ((1 if in_returns else 100) * end for end in ends(gains))
        x = [row["data_budget"] for row in rows]
        axis.plot(x, middle, color=color, label=label, marker="." if len(x) == 1 else "")
        axis.fill_between(x, low, high, color=color, alpha=0.12, lw=0)
    axis.axhline(0.0, color=GUIDE, lw=0.8)
    axis.set_xscale("log", base=2)
    _count_ticks(axis, train["data_budgets"])
    axis.set_xlabel("traces n to learn from")
    axis.set_ylabel(f"{_worth(group)} beyond the base" if in_returns else "points beyond the base")
    axis.legend(loc="best")
    counted = _worth(group) if in_returns else "points of accuracy"
    return (
        f"What one sample of each trained policy earns beyond one of the base, in {counted}, on "
        f"prompts that it was not trained on, against n. A leash of {leash} bounds how far it may "
        "move from the base on each prompt. Bands: 95 %, paired over prompts."
    )


def _count_ticks(axis: Axes, counts: Sequence[int]) -> None:
    """Every count a tick, as it is, as long as there is room."""
    shown = counts if len(counts) <= 9 else counts[:: -(-len(counts) // 9)]
    axis.set_xticks(shown, [f"{count:,}" for count in shown])
    axis.minorticks_off()


def _difficulty(axis: Axes, group: Group) -> str:
    bins = group["difficulty"]["histogram"]
    left = [row["low"] for row in bins]
    axis.bar(left, [row["prompts"] for row in bins], width=0.1, align="edge", color=VB, ec="white")
    axis.set_xlim(0.0, 1.0)
    axis.set_xlabel("share of right samples of a prompt")
    axis.set_ylabel("prompts")
    axis.locator_params(axis="y", integer=True)
    difficulty = group["difficulty"]
    return (
        f"How hard the prompts are: {difficulty['never']:,} are never solved, "
        f"{difficulty['always']:,} by every sample."
    )


def _gap_over_data(axis: Axes, group: Group) -> str | None:
    at = group["theory"]["horizon"]
    drawn = _gap(axis, group, "data_budget", lambda cell: cell["horizon"] == at)
    if not drawn:
        return None
    axis.set_xscale("log", base=2)
    axis.set_xlabel("data n (traces)")
    return (
        f"Value of verifying minus cloning against the data, at H = {at:,} {group['unit']}. "
        + _GAP_CAPTION.format(beyond="")
    )


def _gap_over_budget(axis: Axes, group: Group) -> str | None:
    at = group["theory"]["data_budget"]
    drawn = _gap(axis, group, "horizon", lambda cell: cell["data_budget"] == at)
    if not drawn:
        return None
    axis.set_xlabel(f"budget H ({group['unit']})")
    beyond = sorted({cell["horizon"] for cell in drawn if cell["extrapolated"]})
    if beyond:
        axis.axvspan(beyond[0], axis.get_xlim()[1], color=GUIDE, alpha=0.15, lw=0)
    return f"Value of verifying minus cloning against the budget, at n = {at:,} traces. " + (
        _GAP_CAPTION.format(beyond=" Shaded: budgets beyond the longest trace." if beyond else "")
    )


_GAP_CAPTION = (
    "Filled: measured, both on the same chi-square leash. Open: measured without a leash. Line and "
    "band: predicted from the calibration cells alone. Bars and band: 95 %.{beyond}"
)


def _gap(
    axis: Axes, group: Group, along: str, chosen: Callable[[Mapping[str, Any]], bool]
) -> list[Mapping[str, Any]]:
    """Measured and predicted gaps along one variable; the cells that were drawn."""
    measured = [cell for cell in group["theory"]["gap_measured"] if chosen(cell)]
    predicted = [cell for cell in group["theory"]["gap_predicted"] if chosen(cell)]
    predicted = [cell for cell in predicted if known(cell["gap"]["estimate"])]
    horizon = max((cell["horizon"] for cell in measured), default=0)
    if predicted:
        x = np.array([cell[along] for cell in predicted], float)
        middle, low, high = ends([cell["gap"] for cell in predicted])
        axis.plot(
            x, middle, "--", color=BOUND, label="predicted", marker="." if x.size == 1 else ""
        )
        if x.size > 1:
            axis.fill_between(x, low, high, color=BOUND, alpha=0.15, lw=0)
        else:
            axis.vlines(x, low, high, color=BOUND, alpha=0.3, lw=4)
    for key, label, face in (("gap", "measured", VB), ("gap_unleashed", "no leash", "white")):
        cells = [cell for cell in measured if known(cell[key]["estimate"])]
        if not cells:
            continue
        x = np.array([cell[along] for cell in cells], float)
        middle, low, high = ends([cell[key] for cell in cells])
        if face == "white":
            # Shifted to the side of the other marker, so that both bars can be seen.
            x = x * 1.08 if along == "data_budget" else x + 0.015 * horizon
        axis.errorbar(
            x, middle, bars(middle, low, high), fmt="o", color=VB, mfc=face, capsize=2, ms=4.5,
            label=label,
        )  # fmt: skip
    axis.axhline(0.0, color=GUIDE, lw=0.8)
    axis.set_ylabel(f"VB $-$ VF ({group['unit']})")
    if measured or predicted:
        axis.legend(loc="best")
    return measured + predicted


def _phase(axis: Axes, group: Group) -> str | None:
    phase = group["theory"]["phase"]
    if phase is None:
        return None
    coverage = np.array(phase["coverage"], float)
    # No return has a standard deviation above H/2.
    frontier = np.maximum(np.array(phase["frontier"], float), 0.0)
    axis.fill_betweenx(coverage, 0.0, frontier, color=VF, alpha=0.15, lw=0)
    axis.fill_betweenx(coverage, frontier, np.maximum(frontier, 0.5), color=VB, alpha=0.15, lw=0)
    axis.plot(frontier, coverage, color=BOUND)
    here = phase["here"]
    floor = coverage[0]
    middle, low, high = (max(here[key] or 0.0, floor) for key in ("coverage", "low", "high"))
    axis.plot([here["sigma_over_h"]] * 2, [low, high], color="black", lw=1.5)
    axis.plot(here["sigma_over_h"], middle, "*", color="black", ms=10)
    axis.annotate(
        "you are here",
        (here["sigma_over_h"], middle),
        textcoords="offset points",
        xytext=(8, 3),
    )
    axis.text(0.02, 0.04, "cloning", color=VF, transform=axis.transAxes)
    axis.text(0.98, 0.93, "verifying", color=VB, ha="right", transform=axis.transAxes)
    axis.set_yscale("log")
    axis.set_xlim(0.0, 0.5)
    axis.set_ylim(floor, 1.0)
    axis.set_xlabel(r"heterogeneity of the expert, $\sigma_e/H$")
    axis.set_ylabel(r"coverage $c_0$")
    size = group["theory"]["prediction"]["log2_class_size"]["estimate"]
    counted = "returns" if group["currency"] == "return" else "accuracy"
    return (
        "Which side has the smaller upper bound (WHEN VF WINS in the theory) with "
        f"{group['theory']['data_budget']:,} traces and a class of 2^{size:.3g}. Star: this group, "
        "at the coverage of its median prompt; bar: from the tenth to the ninetieth percentile. "
        "This is advice and no proof, about returns and about training on n traces: the boxes "
        f"above are measured on these traces, in {counted}, and may differ from it."
    )


def _heterogeneity(axis: Axes, group: Group) -> str | None:
    prompts = group["statistics"]["per_prompt"]
    at = group["theory"]["horizon"]
    rows = [row for prompt in prompts for row in prompt["horizons"] if row["horizon"] == at]
    for key, label, style, color in (
        ("sigma_over_h_naive", "plug-in", ":", GUIDE),
        ("sigma_over_h", "shrunken", "-", VB),
    ):
        shares_below(axis, [row[key] for row in rows], style, color=color, label=label)
    budget = _budget(group)
    sigma = budget["sigma_over_h"]
    if known(sigma["estimate"]):
        axis.axvline(sigma["estimate"], color=BOUND, label="mean")
        if known(sigma["low"], sigma["high"]):
            axis.axvspan(sigma["low"], sigma["high"], color=BOUND, alpha=0.15, lw=0)
    axis.set_xlim(left=0.0)
    axis.set_ylim(0.0, 1.0)
    axis.set_xlabel(r"$\sigma_x/H$ of a prompt")
    axis.set_ylabel("share of prompts below")
    axis.legend(loc="lower right")
    return (
        f"How much the returns of one prompt's samples differ, over the prompts, at H = {at:,} "
        f"{group['unit']}. Plug-in: as computed from the samples. Shrunken: given all prompts. "
        "Band: 95 % interval of the mean over prompts."
    )


def _budget(group: Group) -> Mapping[str, Any]:
    at = group["theory"]["horizon"]
    return next(row for row in group["statistics"]["horizons"] if row["horizon"] == at)


def _coverage(axis: Axes, group: Group) -> str | None:
    rows = [row for row in _budget(group)["anticoncentration"] if known(row["c"])]
    if not rows:
        return None
    margins = [row["epsilon"] for row in rows]
    cantelli_ceiling(axis, margins)
    coverage_curve(axis, rows, "o-", color=VB, capsize=2, label=r"$c(\epsilon)$")
    axis.set_xscale("log")
    axis.set_ylim(0.0, 1.0)
    axis.set_xticks(margins, [f"{margin:g}" for margin in margins])
    axis.minorticks_off()
    axis.set_xlabel(r"margin $\epsilon$")
    axis.set_ylabel(r"coverage $c(\epsilon)$")
    axis.legend(loc="upper right")
    return (
        "Share of the base's samples that beat a prompt's mean return by sqrt(epsilon) standard "
        f"deviations, averaged over prompts, at H = {group['theory']['horizon']:,} "
        f"{group['unit']}. No law exceeds the dotted ceiling 1/(1 + epsilon)."
    )


def _pass_at_k(axis: Axes, group: Group) -> str | None:
    rows = {int(k): row for k, row in group["statistics"]["pass_at_k"].items()}
    inside = sorted(k for k, row in rows.items() if not row["extrapolated"])
    middle, low, high = ends([rows[k] for k in inside])
    axis.plot(inside, middle, color=VB, label="measured", marker="o" if len(inside) == 1 else "")
    axis.fill_between(inside, low, high, color=VB, alpha=0.2, lw=0)
    beyond = sorted(k for k, row in rows.items() if row["extrapolated"])
    if beyond:
        joined = [inside[-1], *beyond]
        middle, low, high = ends([rows[k] for k in joined])
        axis.plot(joined, middle, "--", color=BOUND, label="extrapolated")
        axis.fill_between(joined, low, high, color=BOUND, alpha=0.15, lw=0)
    axis.set_xscale("log")
    axis.set_ylim(0.0, 1.0)
    axis.set_xticks(*_powers_of_ten(max(rows)))
    axis.set_xlabel("samples k")
    axis.set_ylabel("pass@k")
    axis.legend(loc="best")
    return (
        f"Share of prompts solved by at least one of k samples: measured up to k = {inside[-1]:,}, "
        "beyond that extrapolated by a power law. Bands: 95 %; the extrapolated one also "
        "covers a mixture without a named family."
    )


def _powers_of_ten(most: int) -> tuple[list[int], list[str]]:
    """Ticks up to the largest k, and their labels."""
    ticks = [10**power for power in range(len(str(most)))]
    return ticks, [f"{tick:,}" for tick in ticks]
