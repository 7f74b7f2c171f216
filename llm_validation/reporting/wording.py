"""A verdict, its uncertainty and the next steps in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.numbers import chance, number, spanned
from verigap.llm_validation.reporting.settling import Settling
from verigap.llm_validation.reporting.verdict import (
    CONFIDENCE,
    FEWEST_MIXED,
    Verdict,
    Verifier,
)
from verigap.storage.units import LengthUnit

PICK = {
    "exact": "best-of-{n} by an exact check",
    "learned": "best-of-{n} by the learned reward model",
}


def verdict_sentence(
    verdict: Verdict,
    verifier: Verifier,
    gain: Statistic,
    *,
    num_candidates: int,
    unit: LengthUnit,
    mixed: int,
) -> str:
    """The verdict in one sentence, with its uncertainty.

    Args:
      verdict: the verdict.
      verifier: which kind it supposes.
      gain: value of verifying minus the better of cloning and voting (in `unit`).
      num_candidates: N.
      unit: of the gain.
      mixed: prompts with both outcomes.
    """
    pick = PICK[verifier].format(n=num_candidates)
    margin = f"the margin of {number(verdict.margin)} {unit}"
    sure = f"probability {chance(verdict.probability)}"
    gained = f"{spanned(gain)} {unit.of_correct_trace}"
    if verdict.verdict == "verify":
        return (
            f"Verify: {pick} earns {gained} more than the better of cloning and voting, which "
            f"exceeds {margin} with {sure}."
        )
    if verdict.verdict == "vote":
        return (
            f"Vote: taking the commonest of {num_candidates} answers is within {margin} of the "
            f"best arm with {sure}; {pick} is worth {gained} beside it or cloning."
        )
    if verdict.verdict == "clone":
        return (
            f"Clone: the cloned policy is within {margin} of the best arm with {sure}; {pick} is "
            f"worth {gained} beside it or voting."
        )
    listed = ", ".join(
        f"{arm} {chance(event.probability)}"
        for arm, event in verdict.events.items()
        if arm != "headroom"
    )
    reasons = {
        "too_few": f"{_so_few(mixed)} both correct and incorrect samples, and fewer than "
        f"{FEWEST_MIXED} decide nothing",
        "not_measured": "an arm could not be measured, so there is nothing to compare",
        "no_headroom": f"the probability that any arm beats the base by more than {margin} is "
        f"{chance(verdict.probability)}, and {CONFIDENCE:g} is needed",
        "open": f"no recommendation is probable enough ({listed}); {CONFIDENCE:g} is needed",
    }
    return f"Undecided: {reasons[verdict.reason]}."


def _so_few(prompts: int) -> str:
    if prompts == 0:
        return "no prompt has"
    return f"only {prompts} prompt{' has' if prompts == 1 else 's have'}"


_ACTIONS = {
    "verify": "Put the effort into the verifier: sample several traces and pick by it, or train "
    "against it with reinforcement learning.",
    "vote": "Sample several traces and take the commonest answer; a verifier would add little.",
    "clone": "Fine-tune on correct traces; a verifier at test time would add little.",
}


def next_steps(
    verdicts: Sequence[tuple[Verifier, Verdict, Settling | None]],
    assumptions: Sequence[Assumption],
    worth: Statistic | None,
    unit: LengthUnit,
) -> list[str]:
    """What to do now, most useful first.

    Args:
      verdicts: by verifier.
      assumptions: that fail or cannot be checked.
      worth: value of an exact check over the learned reward model; None if not measured.
      unit: of `worth`.
    """
    steps = []
    for verifier, verdict, settling in verdicts:
        if verdict.verdict != "undecided":
            steps.append(f"With {_named(verifier)}: {_ACTIONS[verdict.verdict]}")
        elif settling is not None:
            steps.append(f"With {_named(verifier)}: {settling.text}")
    if worth is not None and worth.low > 0:
        steps.append(
            f"An exact check would earn {spanned(worth)} {unit} more than the learned reward "
            "model: that is what a better verifier could be worth."
        )
    steps += [assumption.remedy for assumption in assumptions if assumption.remedy]
    return list(dict.fromkeys(steps))


def _named(verifier: Verifier) -> str:
    return "an exact check" if verifier == "exact" else "a learned verifier"
