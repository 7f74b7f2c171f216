"""Notes above the decisions of a group: exact words, each where it belongs and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import rows
from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.pools.pools import LARGEST_POOL
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis
from verigap.llm_validation.reporting.notes import notes

USUAL = [
    "18 prompts: intervals are rough below 20 prompts.",
    "H = 64 is beyond the longest trace (40): what the model would have written there is not in "
    "the table.",
    "The least gain that counts, 3 points, is less than one of 18 prompts (5.56 points): that an "
    "arm suffices is then said too easily.",
]
NO_LENGTHS = "No lengths are known, so nothing can be said about "


@pytest.fixture(scope="module")
def whole(usual: Diagnosis) -> GroupDiagnosis:
    (group,) = usual.groups
    return group


def said(group: GroupDiagnosis, **asked: Any) -> list[str]:
    """The notes of a group, but for those of the usual one."""
    usual = {"currency": "accuracy", "verifier": None, "prices": Prices(), "spend_unknown": False}
    return [
        note
        for note in notes(group, **(usual | asked))
        if note[:9] not in {each[:9] for each in USUAL}
    ]


def changed(group: GroupDiagnosis, **selection: Any) -> GroupDiagnosis:
    """The same group with another selection among its samples."""
    decisions = group.decisions
    return replace(group, decisions=replace(
        decisions, selection=replace(decisions.selection, **selection)))  # fmt: skip


def test_notes_of_the_usual_group(whole: GroupDiagnosis) -> None:
    given = {"currency": "accuracy", "verifier": None, "prices": Prices(), "spend_unknown": False}
    assert notes(whole, **given) == USUAL
    assert said(whole, currency="return", verifier="exact") == []


def test_what_samples_leave_nothing_to_show(whole: GroupDiagnosis) -> None:
    right, sizes = whole.decisions.selection.correct, whole.decisions.selection.sizes
    (none,) = said(changed(whole, correct=np.zeros_like(right)))
    assert none == (
        "No sample is correct within H = 64: every arm is worth 0, and there is nothing to select, "
        "to clone or to reinforce."
    )
    (every,) = said(changed(whole, correct=sizes))
    assert every == "Every sample is correct within H = 64: no arm can add anything in accuracy."


def test_what_was_asked_for_and_cannot_be_had(whole: GroupDiagnosis) -> None:
    assert said(whole, verifier="score") == [
        "The table has no verifier_score: the decision is among all arms but the exact check."
    ]
    accuracy = {"accuracy": whole.decisions.by_currency["accuracy"]}
    alone = replace(whole, decisions=replace(whole.decisions, by_currency=accuracy))
    assert said(alone, currency="return") == [
        "Returns are not known, as no budget or no place of a right answer is: the decisions are "
        "in accuracy."
    ]
    assert said(replace(whole, num_candidates=2048)) == [
        "N = 2,048 was asked for, but more than half of the prompts have fewer samples: the "
        "decision is about N = 4."
    ]


@pytest.mark.parametrize(
    ("prices", "spend_unknown", "what"),
    [
        (Prices(gpu_hour=3.0, tokens_per_second=900), False, "what tokens cost."),
        (Prices(check_cost=1.0), False, None),
        (Prices(check_cost=1.0), True, "what a prompt may cost."),
        (Prices(gpu_hour=3.0, tokens_per_second=900), True,
         "what tokens cost and what a prompt may cost."),
    ],
)  # fmt: skip
def test_costs_that_nobody_knows(
    whole: GroupDiagnosis, prices: Prices, what: str | None, *, spend_unknown: bool
) -> None:
    unknown = changed(whole, length=float("nan"))
    expected = [] if what is None else [NO_LENGTHS + what]
    assert said(unknown, prices=prices, spend_unknown=spend_unknown) == expected
    assert said(whole, prices=prices, spend_unknown=spend_unknown) == []


def test_what_is_behind_none_of_the_numbers(whole: GroupDiagnosis) -> None:
    pools = replace(whole.pools, left_out=3, beyond=7)
    assert said(replace(changed(whole, left_out=2), pools=pools)) == [
        "2 of 18 prompts have fewer than 8 samples and are left out of the selection among "
        "samples.",
        "3 prompts without a graded sample are left out.",
        f"7 samples beyond the first {LARGEST_POOL} of their prompt are left out.",
    ]
    assert said(replace(whole, pools=replace(whole.pools, drawn_from=1800))) == [
        "18 of 1,800 prompts with a graded sample, drawn at random (seed 0), are behind the "
        "decisions, the arms and the theory; the statistics are of all."
    ]


def test_samples_that_are_stopped(whole: GroupDiagnosis) -> None:
    outcomes = whole.decisions.outcomes
    ended = outcomes.ended.copy()
    ended[:2, :3] = False
    stopped = replace(whole.decisions, outcomes=replace(outcomes, ended=ended))
    (note,) = said(replace(whole, decisions=stopped))
    assert note.startswith("6 of 144 samples are stopped at H = 64: each is taken to give")


@pytest.mark.parametrize(
    ("length", "copies", "told"), [(99, 5, False), (100, 3, False), (100, 4, True), (300, 5, True)]
)
def test_texts_that_repeat_one_of_their_prompt(
    whole: GroupDiagnosis, length: int, copies: int, *, told: bool
) -> None:
    """A tenth of 30 texts may; the same text of another prompt is no repeat."""
    frame = rows(prompts=5, samples=6).with_columns(
        text=pl.when(pl.col("prompt_id") == "prompt 0")
        .then(pl.col("sample_id").clip(copies).cast(pl.String))
        .otherwise(pl.col("sample_id").cast(pl.String))
        .str.pad_end(length, "x")
    )
    found = said(replace(whole, rows=frame))
    assert len(found) == told
    if told:
        assert found[0].startswith(
            f"{copies} of 30 texts of 100 characters or more repeat an earlier one of their prompt "
        )


def test_fits_that_are_rough(whole: GroupDiagnosis) -> None:
    assert said(changed(whole, unconverged=3, fits=16)) == [
        "3 of 16 fits of the learned score did not converge; values are rough."
    ]
    training = whole.decisions.training
    assert training is not None
    rough = replace(whole.decisions, training=replace(training, unconverged=1, fits=9))
    assert said(replace(whole, decisions=rough)) == [
        "1 of 9 fits of trained policies did not converge; values are rough."
    ]
    assert said(replace(whole, decisions=replace(whole.decisions, training=None))) == []
