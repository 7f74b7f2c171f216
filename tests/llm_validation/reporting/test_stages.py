"""What is told while the stages of a diagnosis run, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from verigap.llm_validation.reporting import stages as telling
from verigap.llm_validation.reporting.stages import Stages, kept_stages
from verigap.storage.progress import Progress
from verigap.storage.stages import KeptStages

SECONDS = telling._STAGES
FIRST = sum(each.first for each in SECONDS.values())
AGAIN = sum(each.again for each in SECONDS.values())
WRITING = telling._WRITING_SECONDS


def run(groups: int, kept: KeptStages | None = None) -> list[Progress]:
    """What is told of stages that take no time."""
    told: list[Progress] = []
    stages = Stages(groups, told.append, kept)
    for group in range(groups):
        stages.enter(group)
        for number, name in enumerate(SECONDS):
            assert stages(name, lambda value=(group, number): list(value)) == [group, number]
    stages.finish()
    return told


def test_the_time_left_is_that_of_all_stages_ahead() -> None:
    told: list[Progress] = []
    stages = Stages(3, told.append, None)
    stages.enter(0)
    # Nothing was measured yet, so that the guesses stand.
    stages("fitting", lambda: 0)
    assert told[0].eta == pytest.approx(FIRST + 2 * AGAIN + WRITING, abs=0.5)
    assert (told[0].done, told[0].total, told[0].doing) == (0, 100, "fitting, group 1 of 3")
    for group in (1, 2):
        later = Stages(3, told.append, None)
        later.enter(group)
        later("fitting", lambda: 0)
        assert told[-1].eta == pytest.approx((3 - group) * AGAIN + WRITING, abs=0.5)
        assert told[-1].doing == f"fitting, group {group + 1} of 3"


def test_every_stage_is_told_and_progress_never_falls() -> None:
    told = run(2)
    assert [each.doing for each in told] == [
        *(f"{name}, group {group} of 2" for group in (1, 2) for name in SECONDS),
        "writing the report",
    ]
    shares = [each.share or 0.0 for each in told]
    assert shares == sorted(shares)
    assert [each.done for each in told] == [int(100 * share) for share in shares]
    # Only the report is left.
    assert 0.0 < (told[-1].eta or 0.0) <= WRITING


def test_within_a_stage_its_share_is_not_left() -> None:
    told: list[Progress] = []
    stages = Stages(1, told.append, None)
    stages.enter(0)

    def half() -> None:
        stages.within(0.5)

    stages("predicting", half)
    before, after = (each.eta or 0.0 for each in told)
    assert before - after == pytest.approx(SECONDS["predicting"].first / 2, abs=0.3)


def test_kept_results_are_not_computed_again(tmp_path: Path) -> None:
    kept = KeptStages(tmp_path, "input")
    run(2, kept)
    # What was kept of each group is its own, and nothing of it is told again.
    assert [each.doing for each in run(2, kept)] == ["writing the report"]


def test_what_is_kept_is_of_the_same_traces_and_arguments(tmp_path: Path) -> None:
    frame = pl.DataFrame({"prompt_id": ["a"], "correct": [True]})
    other = frame.with_columns(correct=pl.lit(value=False))
    kept_stages(tmp_path, frame, "a.csv", {"worth": 0.1}, 0).write("0 fitting", 1)
    assert kept_stages(tmp_path, frame, "a.csv", {"worth": 0.1}, 0).read("0 fitting") == [1]
    for changed in (
        (other, "a.csv", {"worth": 0.1}, 0),
        (frame, "b.csv", {"worth": 0.1}, 0),
        (frame, "a.csv", {"worth": 0.2}, 0),
        (frame, "a.csv", {"worth": 0.1}, 1),
    ):
        assert kept_stages(tmp_path, *changed).read("0 fitting") == []
