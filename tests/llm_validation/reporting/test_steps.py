"""What to do next, from contents made by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.steps import next_steps

CHECK = (
    "If answers can be checked exactly (by tests, a proof checker, a known result), check them: "
    "with 1,024 samples that adds 12 [3, 20] points beyond majority vote of 1,024."
)


def select(
    low: float = 0.03, estimate: float = 0.12, margin: float = 0.01, same: Any = None
) -> dict[str, Any]:
    gain = {"estimate": estimate, "low": low, "high": 0.2}
    return {
        "num_candidates": 1024,
        "decision": {"accuracy": {"margin": margin}},
        "check": {
            "by_currency": {"accuracy": {"gain": gain, "beyond": "vote"}},
            "same_accuracy": same,
        },
    }


def steps(
    selection: dict[str, Any], *rows: dict[str, Any], mend: tuple[str, ...] = ()
) -> list[str]:
    assumptions = [Assumption("unit", "fails", "In words.", remedy) for remedy in mend]
    spending = {"frontier": {"without_check": list(rows), "with_check": []}}
    return next_steps(selection, spending, assumptions, horizon=64, unit="words")


def row(horizon: int, accuracy: float, sampled: float) -> dict[str, Any]:
    return {"horizon": horizon, "accuracy": accuracy, "sampled": sampled, "name": f"at {horizon}"}


def test_what_a_check_may_cost() -> None:
    assert steps(select()) == [
        f"{CHECK} No arm without a check gets as far with the samples there are, so a check may "
        "cost what those points are worth to you."
    ]
    same = {"num_candidates": 4096, "length_a_check": 120.0}
    assert steps(select(same=same)) == [
        f"{CHECK} Without a check the same accuracy takes 4,096 samples, so one check may cost as "
        "much as 120 words of sampling."
    ]
    # Of unknown lengths nothing is said of what it may cost.
    assert steps(select(same=same | {"length_a_check": math.nan})) == [CHECK]


@pytest.mark.parametrize(
    ("low", "estimate", "margin", "said"),
    [
        (-0.01, 0.12, 0.01, False),
        (0.0, 0.12, 0.01, False),
        (1e-9, 0.12, 0.01, True),
        (0.03, 0.12, 0.12, False),
        (0.03, 0.12, 0.119, True),
        (math.nan, math.nan, 0.01, False),
    ],
)
def test_a_check_that_gains_too_little_is_no_step(
    low: float, estimate: float, margin: float, said: bool
) -> None:
    assert bool(steps(select(low, estimate, margin))) is said


def test_samples_that_may_be_stopped() -> None:
    nothing = select(low=-1.0)
    # From the cheapest to the most accurate, as on the frontier.
    short, middle, whole = row(16, 0.489, 50.0), row(32, 0.49, 80.0), row(64, 0.5, 200.0)
    assert steps(nothing, short, middle, whole) == [
        "Samples may be stopped at 32 words: at 32 is then right on 49 % for 80 words a prompt, "
        "where 50 %, the most without a check, takes 200."
    ]
    assert steps(nothing, short, row(48, 0.5, 100.0)) == [
        "Samples may be stopped at 48 words: at 48 is then right on 50 % for 100 words a prompt, "
        "no less than any arm without a check reaches with whole samples."
    ]
    for rows in ((), (short, whole), (row(16, 0.0, 50.0),)):
        assert steps(nothing, *rows) == []


def test_each_remedy_is_named_once_and_after_the_check() -> None:
    found = steps(select(same={"num_candidates": 2048, "length_a_check": math.nan}),
                  mend=("Mend it.", "", "Mend it.", "Sample more."))  # fmt: skip
    assert found == [CHECK, "Mend it.", "Sample more."]
