"""The tables of docs/learners/comparison.md and at-test-time.md, made from the packs of examples/.

`docs/generated.py` puts them into the pages. A method that was given more tokens or labels than its
table says is refused by `compare_methods`, which every table of methods comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jax
import numpy as np

# As the command line does, and the tests that compare the pages.
jax.config.update("jax_enable_x64", True)

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LABELS = 2_000
# Pack, and the N that it is compared at.
COMPARED = (
    ("game24_gpt4", (8,)),
    ("humaneval_codegen16b", (8, 32)),
    ("smollm2_products", (8,)),
    ("lean_minif2f", (8,)),
    ("llama3b_math", (8,)),
)
_PLACE = "(<!-- {} -->\n).*?(<!-- end -->)"


@cache
def groups(pack: str) -> tuple:
    """Dataset, model and outcomes of each group of a pack."""
    from verigap.llm_validation import read_traces
    from verigap.llm_validation.deciding.outcomes import outcomes_at
    from verigap.llm_validation.pools import sample_pools

    pools = sample_pools(read_traces(EXAMPLES / f"{pack}.parquet"), placed=False)
    return tuple((each.dataset, each.model, outcomes_at(each, None)) for each in pools)


def put(page: str, text: str, name: str, lines: list[str]) -> str:
    """The page with lines in the place of a name."""
    place = re.compile(_PLACE.format(re.escape(name)), re.DOTALL)
    if len(place.findall(text)) != 1:
        raise ValueError(f"docs/learners/{page}: no place for {name}")
    return place.sub(lambda found: found[1] + "\n".join(["", *lines, "", found[2]]), text)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:,.0f}"


def _gain(gain: tuple[float, float, float]) -> str:
    estimate, low, high = (100 * each for each in gain)
    return "0" if np.isnan(low) else f"{estimate:+.1f} [{low:+.1f}, {high:+.1f}]"


def _methods(pack: str, n: int) -> list[str]:
    from verigap.llm_validation.deciding.methods import compare_methods

    lines = []
    for dataset, model, found in groups(pack):
        table = compare_methods(found, num_candidates=n, labels=LABELS, seed=0)
        budget = table.budget
        most = f"{n} samples a prompt in the mean (lengths unknown)"
        if not np.isnan(budget.tokens):
            most = f"{budget.tokens:,.0f} tokens a prompt in the mean ({n} samples)"
        lines += [
            f"**{dataset}, {model}**: {table.prompts} prompts, at most {most} and {LABELS:,} "
            f"labels. Gains over `{table.reference}`.",
            "",
            "| method | samples | tokens | labels | checks | accuracy, % | gain, points |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in sorted(table.rows, key=lambda each: (each.exact_check, each.method)):
            accuracy = "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * each for each in row.accuracy))
            lines.append(
                f"| `{row.method}` | {row.samples:.2f} | {_number(row.tokens)} | {row.labels:,} | "
                f"{row.checks:.1f} | {accuracy} | {_gain(row.gain)} |"
            )
        lines.append("")
    return lines[:-1]


def comparison_page(text: str) -> str:
    """docs/learners/comparison.md with its tables of methods."""
    lines: list[str] = []
    for pack, counts in COMPARED:
        for n in counts:
            lines += [*_methods(pack, n), ""]
    return put("comparison.md", text, "methods at equal budgets", lines[:-1])


def _pessimism() -> list[str]:
    from verigap.llm_validation.deciding import arms
    from verigap.llm_validation.deciding.candidates import Candidates
    from verigap.llm_validation.deciding.methods.pessimism import pessimistic_values
    from verigap.theory import RewardLaw, best_of_n_policy
    from verigap.theory.arrays import host_array
    from verigap.theory.inference_time_pessimism import pessimistic_best_of_n_policy

    ((_, _, found),) = groups("humaneval_codegen16b")
    law = RewardLaw(host_array([0.0, 1.0, 2.0]), host_array([0.7, 0.28, 0.02]))
    right = np.asarray(law.probabilities) * np.array([0.05, 0.8, 0.0])
    lines = [
        "| N | law: best-of-N | β = 0.05 | 0.2 | 1 | code: best-of-N | β = 0.02 | 0.05 | 0.2 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for n in (1, 2, 4, 8, 16, 32, 64, 100):
        values = [np.asarray(best_of_n_policy(law, float(n))) @ right]
        values += [pessimistic_best_of_n_policy(law, n, beta) @ right for beta in (0.05, 0.2, 1.0)]
        reward = found.rewards["accuracy"]
        values.append(arms.best_scored(found.score, reward, found.mask, n).mean())
        sets = Candidates.of(found, n, seed=0)
        values += [pessimistic_values(found, sets, beta).mean() for beta in (0.02, 0.05, 0.2)]
        lines.append(f"| {n} | " + " | ".join(f"{100 * value:.1f}" for value in values) + " |")
    return lines


def _stopping() -> list[str]:
    from verigap.llm_validation.deciding.methods.early_stopping import stopped_votes
    from verigap.llm_validation.deciding.methods.orders import random_orders, votes_along

    lines = [
        "| group | N | vote, % | saved at δ = 0, % | at 0.05 | at 0.2 | vote at 0.2, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for pack, n in (("game24_gpt4", 64), ("humaneval_codegen16b", 64), ("smollm2_products", 32)):
        for dataset, model, found in groups(pack):
            looks = (*range(1, 16), *range(16, n, 4), n)
            votes = votes_along(found, random_orders(found, n, seed=0), looks)
            each = [stopped_votes(votes, error) for error in (0.0, 0.05, 0.2)]
            saved = " | ".join(f"{100 * one.saved:.1f}" for one in each)
            full, stopped = (100 * one.values.mean() for one in (each[0].full, each[-1].stopped))
            lines.append(f"| {dataset}, {model} | {n} | {full:.1f} | {saved} | {stopped:.1f} |")
    return lines


def _allocation() -> list[str]:
    from verigap.theory.arrays import host_array
    from verigap.theory.compute_allocation import allocation_by_class, pilot_classes
    from verigap.theory.revision import Revision, chains_success

    kinds = Revision(
        host_array([1.0, 0.9, 0.3, 0.05]), host_array([0.2] * 4), host_array([0.4] * 4)
    )
    powers = [2**k for k in range(7)]
    ways = [(0, 1), *((w, length) for w in powers for length in powers if w * length <= 64)]
    costs = np.array([float(w * length) for w, length in ways])
    success = np.stack([np.asarray(chains_success(kinds, *way)) for way in ways], axis=1)
    shares, pilot = np.full(4, 0.25), 2
    seen = pilot_classes(np.asarray(chains_success(kinds, 1, 1)), pilot)
    piloted = np.repeat(success[:, None, :], pilot + 1, axis=1)
    piloted[:, 1:] = 1.0
    lines = [
        "| attempts | parallel samples | one way for all | pilot of 2 | difficulty known | "
        "parallel samples for the last |",
        "|---|---|---|---|---|---|",
    ]
    for budget in (4, 16, 64):
        parallel = [float(shares @ np.asarray(chains_success(kinds, n, 1))) for n in range(1, 999)]
        blind, known = (
            allocation_by_class(success[:, None, :], costs, shares, classes, float(budget)).value
            for classes in (np.ones((4, 1)), np.eye(4))
        )
        guided = allocation_by_class(piloted, costs + pilot, shares, seen, float(budget)).value
        needed = next(n for n, value in enumerate(parallel, 1) if value >= known)
        values = " | ".join(f"{100 * v:.1f}" for v in (parallel[budget - 1], blind, guided, known))
        lines.append(f"| {budget} | {values} | {needed} |")
    return lines


def _correction() -> list[str]:
    from verigap.theory.arrays import host_array
    from verigap.theory.self_correction import SelfCorrection, corrected_answer, corrected_limit

    lines = [
        "| p | q | s | f_p | f_n | T = 1 | 2 | 4 | 8 | without end | attempts at T = 8 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rates in (
        (0.4, 0.4, 0.4, 0.1, 0.2),
        (0.4, 0.2, 0.9, 0.1, 0.2),
        (0.4, 0.2, 0.9, 0.4, 0.2),
        (0.6, 0.1, 0.1, 0.3, 0.6),
    ):
        policy = SelfCorrection(*(host_array(rate) for rate in rates))
        values = [float(corrected_answer(policy, most).success) for most in (1, 2, 4, 8)]
        values.append(float(corrected_limit(policy)))
        cells = [f"{rate:g}" for rate in rates] + [f"{100 * value:.1f}" for value in values]
        cells.append(f"{float(corrected_answer(policy, 8).attempts):.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _beam() -> list[str]:
    from verigap.sim.token_mdp import TokenTree, random_instance, value
    from verigap.sim.token_mdp.guided_beam import GuidedBeam, guided_beam_law, self_evaluation
    from verigap.sim.token_mdp.mdp import return_law, trace_returns
    from verigap.theory import best_of_n_law

    games = [
        random_instance(np.random.default_rng(seed), 8, TokenTree(2, 4), rewards=1)
        for seed in range(3)
    ]
    searches = [
        GuidedBeam(beams=beams, trust=trust, temperature=temperature)
        for beams, trust, temperature in (
            (2, 1.0, 0.0), (1, 0.5, 0.0), (2, 0.5, 0.0), (2, 0.5, 0.5), (2, 0.0, 0.0), (2, 0.0, 0.5)
        )
    ]  # fmt: skip
    names = [f"k = {s.beams}, λ = {s.trust:g}, τ = {s.temperature:g}" for s in searches]
    base = np.mean([value(game.base, game.truth) for game in games])
    laws = [return_law(game.base, game.truth) for game in games]
    best = [np.mean([best_of_n_law(law, float(n)).mean for law in laws]) for n in (2, 4)]
    lines = [
        f"| noise | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    scored = np.zeros(len(searches))
    for noise in (0.0, 2.0, 6.0):
        cells = []
        for place, search in enumerate(searches):
            earned, counted = [], []
            for game in games:
                score = np.clip(self_evaluation(game.base, game.truth), 0.01, 0.99)
                moved = noise * np.random.default_rng(0).normal(size=score.shape)
                score = 1 / (1 + np.exp(-np.log(score / (1 - score)) - moved))
                law = guided_beam_law(game.base, score, search)
                paid = np.asarray(trace_returns(game.truth))
                earned.append((law.traces * paid).sum(axis=1).mean())
                counted.append(law.scored.mean())
            scored[place] = np.mean(counted)
            cells.append(f"{np.mean(earned):.2f}")
        lines.append(f"| {noise:g} | {' | '.join(cells)} |")
    lines.append(f"| tokens | {' | '.join(f'{each:.1f}' for each in scored)} |")
    lines += [
        "",
        f"The base earns {base:.2f} tokens with 4 sampled ones, best-of-N with an exact check "
        f"{best[0]:.2f} with 8 and {best[1]:.2f} with 16.",
    ]
    return lines


STEPS = (0, 3, 10, 30, 100, 300, 1000)


def _limited() -> list[str]:
    from verigap.llm_validation import read_traces
    from verigap.llm_validation.pools import sample_pools
    from verigap.llm_validation.pools.limited_cloning import held_out_path
    from verigap.theory.limited_confidence import expected_pass_at_n

    truth = 1 / np.arange(1.0, 7.0)
    truth /= truth.sum()
    lines = [
        f"| | trained for | {' | '.join(f'{step:,} steps' for step in STEPS)} |",
        "|---" * (len(STEPS) + 2) + "|",
    ]

    def row(name: str, trained_for: int, values: np.ndarray) -> str:
        cells = " | ".join(f"{100 * value:.1f}" for value in values)
        return f"| {name} | N = {trained_for} | {cells} |"

    lines += [row("law", n, expected_pass_at_n(truth, 6, float(n), 16.0, STEPS)) for n in (1, 16)]
    for pack in ("game24_gpt4", "humaneval_codegen16b", "smollm2_products"):
        for pools in sample_pools(read_traces(EXAMPLES / f"{pack}.parquet"), placed=False):
            for n in (1, 16):
                path = held_out_path(
                    pools, trained_for=float(n), num_candidates=16, steps=STEPS, seed=0
                )
                name = f"{pools.dataset}, {pools.model}"
                lines.append(row(name, n, path.pass_at_n.mean(axis=1)))
    return lines


TABLES: dict[str, Callable[[], list[str]]] = {
    "best-of-N with pessimism": _pessimism,
    "compute-optimal allocation": _allocation,
    "guided beam search": _beam,
    "limited confidence": _limited,
    "early stopping": _stopping,
    "self-correction": _correction,
}


def at_test_time_page(text: str) -> str:
    """docs/learners/at-test-time.md with its tables."""
    for name, make in TABLES.items():
        text = put("at-test-time.md", text, name, make())
    return text
