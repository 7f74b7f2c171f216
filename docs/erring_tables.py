"""The tables of docs/learners/erring-verifiers.md, from the code and the packs of examples/.

`docs/generated.py` puts them into the page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from method_tables import groups, put

from verigap.figures.erring_verifiers import EXPERT, LAW, MISLED, SUCCESS, THRESHOLDS

PAGE = "erring-verifiers.md"
RATES = (0.0, 0.1, 0.3)
COUNTS = (4, 16, 64)
POOL_COUNTS = (2, 8, 32)
TRACES, BITS = (32, 64, 128), 20.0
GAMES = ((0.5, 0.8), (SUCCESS, EXPERT), (0.125, 0.25), (0.125, 0.5))


def _edges(found) -> list[str]:
    """f_n of crossings, or who is ahead at every f_n."""
    return [
        f"{at:.2f}" if crosses else ("check" if first > 0 else "vote")
        for at, crosses, first in zip(found.at, found.crosses, found.first, strict=True)
    ]


def _laws() -> list[str]:
    from verigap.theory.check_or_vote import checked_success, vote_frontier, vote_success

    heads = [f"{kind}, f_p = {rate:g}" for kind in ("fresh", "by answer") for rate in RATES]
    lines = [
        f"| answers | N | one sample, % | exact check, % | vote, % | {' | '.join(heads)} |",
        "|---" * (len(heads) + 5) + "|",
    ]
    for answers in (LAW, MISLED):
        for n in COUNTS:
            cells = []
            for errors in ("fresh", "systematic"):
                cells += _edges(vote_frontier(answers, n, np.array(RATES), errors=errors))
            values = answers[0], checked_success(answers, n, 0.0, 0.0), vote_success(answers, n)
            shares = " | ".join(f"{100 * float(value):.1f}" for value in values)
            law = ", ".join(f"{chance:g}" for chance in answers)
            lines.append(f"| {law} | {n} | {shares} | {' | '.join(cells)} |")
    return lines


def _pool() -> list[str]:
    from verigap.llm_validation.deciding.arms import single
    from verigap.llm_validation.deciding.check_or_vote import place_checks

    ((dataset, model, found),) = groups("humaneval_codegen16b")
    alone = single(found.rewards["accuracy"], found.mask).mean()
    lines = [
        f"**{dataset}, {model}**: {len(found.mask)} prompts; one sample is right in "
        f"{100 * alone:.1f} %.",
        "",
        "| N | accepted from | f_p | f_n | f_n of the frontier | fresh errors, % | by answer, % | "
        "own rates, % | "
        "measured, % | vote, % | measured less vote, points |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for n in POOL_COUNTS:
        for each in place_checks(found, THRESHOLDS, n, seed=0):
            edge = "none" if np.isnan(each.frontier) else f"{each.frontier:.2f}"
            values = each.fresh, each.by_answer, each.by_prompt, each.measured, each.vote
            lead, low, high = (100 * value for value in each.lead)
            lines.append(
                f"| {n} | {each.threshold:g} | {each.false_positive:.3f} | "
                f"{each.false_negative:.3f} | {edge} | "
                + " | ".join(f"{100 * value:.1f}" for value in values)
                + f" | {lead:+.1f} [{low:+.1f}, {high:+.1f}] |"
            )
    return lines


def _noise() -> list[str]:
    from verigap.theory.frontier import exact_noise_frontier, noise_rate_frontier

    heads = " | ".join(f"n = {n}" for n in TRACES)
    lines = [
        f"| base succeeds | expert succeeds | equal nats | {heads} |",
        "|---" * (len(TRACES) + 3) + "|",
    ]
    for success, expert in GAMES:
        found = exact_noise_frontier(success, expert, np.array(TRACES), BITS).at
        cells = [noise_rate_frontier(success, expert), *found]
        shown = " | ".join("none" if np.isnan(at) else f"{at:.4f}" for at in cells)
        lines.append(f"| {success:g} | {expert:g} | {shown} |")
    return lines


TABLES: dict[str, Callable[[], list[str]]] = {
    "frontier against the vote": _laws,
    "check of the code pack": _pool,
    "noise against cloning": _noise,
}


def erring_verifiers_page(text: str) -> str:
    """docs/learners/erring-verifiers.md with its tables."""
    for name, make in TABLES.items():
        text = put(PAGE, text, name, make())
    return text
