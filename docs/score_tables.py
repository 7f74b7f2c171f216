"""The tables of docs/learners/at-test-time.md about scores that err, made from the code pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from method_tables import groups, put

if TYPE_CHECKING:
    from verigap.llm_validation.deciding.outcomes import Outcomes

COUNTS = (1, 2, 4, 8, 16, 32, 50, 64, 100)
PACK = "humaneval_codegen16b"


def _interval(estimate: float, low: float, high: float) -> str:
    return f"{100 * estimate:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _error(difference: np.ndarray) -> str:
    """Mean over splits, and the root mean square of one split."""
    if np.isnan(difference).any():
        return "–"
    mean, one = 100 * difference.mean(), 100 * np.sqrt((difference**2).mean())
    return f"{mean:+.1f} ({one:.1f})"


def _places(best: np.ndarray) -> str:
    low, high = int(best.min()), int(best.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _predicted() -> list[str]:
    from verigap.llm_validation.deciding import arms
    from verigap.llm_validation.deciding.score_prediction import (
        halved_predictions,
        pooled_curves,
        same_prompt_correlation,
    )
    from verigap.llm_validation.intervals import Resampler, mean_interval
    from verigap.theory.scored_verifier import best_num_candidates

    ((_, _, found),) = groups(PACK)
    right, size = found.rewards["accuracy"], found.mask.shape[1]
    halves = halved_predictions(found, COUNTS, seed=0)
    table = np.stack(
        [arms.best_scored(found.score, right, found.mask, n) for n in range(1, size + 1)], axis=1
    )
    means = table.mean(axis=0)
    interval = mean_interval(table, Resampler(len(table), 0))
    lines = [
        "| N | measured on all 100 | own curves | less the other half | "
        "others' curves, one by one | one pooled curve | less the other half |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, n in enumerate(COUNTS):
        own, others, pooled = (
            100 * each[:, place].mean() for each in (halves.own, halves.others, halves.pooled)
        )
        truth = halves.measured[:, place]
        measured = _interval(means[n - 1], interval.low[n - 1], interval.high[n - 1])
        lines.append(
            f"| {n} | {measured} | {own:.1f} | {_error(halves.own[:, place] - truth)} | "
            f"{others:.1f} | {pooled:.1f} | {_error(halves.pooled[:, place] - truth)} |"
        )
    best = best_num_candidates(pooled_curves(found.score, right, found.mask))
    rises = "none" if best.num_candidates is None else f"{best.num_candidates:,}"
    lines.append(
        f"| best N | {1 + int(means.argmax())} | {_places(halves.best_own)} | | | {rises} | |"
    )
    scored = found.mask & np.isfinite(found.score)
    wrong, correct = (
        same_prompt_correlation(found.score, scored & (right == kind)) for kind in (0, 1)
    )
    lines += [
        "",
        f"{len(halves.own)} splits; in brackets the root mean square of one of them. On the other "
        f"half N = {_places(halves.best_measured)} is best. Scores of two wrong samples of one "
        f"prompt correlate by {wrong:.2f}, of two right ones by {correct:.2f}.",
    ]
    return lines


def _consensus() -> list[str]:
    from verigap.llm_validation.deciding import arms
    from verigap.llm_validation.deciding.candidates import Candidates
    from verigap.llm_validation.deciding.joint import JointMeans
    from verigap.llm_validation.deciding.methods.consensus import CODE, PAPER, consensus_values

    ((_, _, found),) = groups(PACK)
    right = found.rewards["accuracy"]
    lines = [
        "| N | tests alone | solutions alone | both | both, root | both less solutions, points | "
        "both less tests, points | pass@N |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for n in (2, 4, 8, 16, 32, 64, 100):
        sets = Candidates.of(found, n, seed=0)
        values = {
            "tests": arms.best_scored(found.score, right, found.mask, n),
            "solutions": arms.vote(sets, right),
            "both": consensus_values(found, sets, PAPER),
            "root": consensus_values(found, sets, CODE),
        }
        joint = JointMeans.of(values, most=1.0, seed=0)
        cells = [f"{100 * mean:.1f}" for mean in joint.means.values()]
        cells += [
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * e for e in joint.difference("both", other)))
            for other in ("solutions", "tests")
        ]
        cells.append(f"{100 * arms.best_scored(right, right, found.mask, n).mean():.1f}")
        lines.append(f"| {n} | " + " | ".join(cells) + " |")
    return [*lines, "", _top_groups(found)]


def _top_groups(found: Outcomes) -> str:
    """How often a highest score is met, where it is wrong, beside right programs."""
    score, right, answer = found.score, found.rewards["accuracy"] > 0, found.answer
    wrong, solving = [], []
    for prompt in range(len(score)):
        size = {group: int((answer[prompt] == group).sum()) for group in set(answer[prompt]) - {-1}}
        solved = set(answer[prompt][right[prompt]]) - {-1}
        top = set(answer[prompt][score[prompt] == np.nanmax([0.0, *score[prompt]])]) - {-1}
        if solved and not top & solved:
            wrong.append(max(size[group] for group in top))
            solving.append(max(size[group] for group in solved))
    return (
        f"On {len(wrong)} of the {len(score)} problems right programs pass tests, but none passes "
        f"as many as some wrong one. Of 100 there, {np.median(wrong):.0f} in the median are in the "
        f"largest group that passes the most tests, and {np.median(solving):.0f} in the largest "
        "with a right one."
    )


TABLES: dict[str, Callable[[], list[str]]] = {
    "best-of-N predicted": _predicted,
    "consensus of tests and solutions": _consensus,
}


def scores_page(text: str) -> str:
    """docs/learners/at-test-time.md with its tables about scores."""
    for name, make in TABLES.items():
        text = put("at-test-time.md", text, name, make())
    return text
