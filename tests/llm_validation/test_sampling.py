"""Sampling runs on a scripted engine: first-correct indices, resuming, refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tests.llm_validation.judges import OBEDIENT
from tests.llm_validation.scripted import SCRIPTS, Scripted, arithmetic
from verigap.llm_validation.sampling.batches import sample_seed
from verigap.llm_validation.sampling.engine import Completion, Decoding, Request
from verigap.llm_validation.sampling.first_correct import (
    Outcome,
    Trace,
    covering_prefix,
    default_grid,
    first_mentions,
    forced_answers,
)
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.sampling.sample import sample_traces
from verigap.llm_validation.tasks.grading import GradingPool
from verigap.llm_validation.traces import load_traces
from verigap.storage.progress import Progress
from verigap.storage.run_store import StoreError
from verigap.storage.tables import TableError

OPTIONS = SampleOptions(samples=5, max_tokens=40, batch_size=4, workers=1, timeout=4.0)
# An answer that hangs costs its timeout in every run.
QUICK = tuple(script for script in SCRIPTS if "hang" not in script)


def traces_of(*scripts: str, max_tokens: int = 40) -> list[Trace]:
    """One trace of each script."""
    traces = []
    for script in scripts:
        engine = Scripted([script])
        request = Request(engine.chat(arithmetic().problems[0].messages), 0)
        (done,) = engine.generate([request], Decoding(max_tokens))
        traces.append(Trace(arithmetic().problems[0], request, done))
    return traces


def mentions(*scripts: str, max_tokens: int = 40) -> list[Outcome]:
    with GradingPool(OBEDIENT, workers=1, timeout=4.0) as pool:
        return first_mentions(traces_of(*scripts, max_tokens=max_tokens), Scripted(), pool)


def test_first_mentions() -> None:
    assert mentions(*SCRIPTS) == [
        # "So 2 + 2 = 4" has 12 characters.
        Outcome(True, True, 12, "4", unhappened=False),
        Outcome(True, False, len("It is 4"), "5", unhappened=True),
        Outcome(False, False, None, "5", unhappened=False),
        Outcome(None, None, None, "hang", unhappened=False),
        Outcome(False, False, None, "I have no idea", unhappened=False),
    ]


@pytest.mark.long
def test_an_unverified_mention_neither_hides_nor_fakes_a_right_one() -> None:
    (late,) = mentions("The answer is hang\nIt is 4.")
    assert late == Outcome(True, True, 26, "4", unhappened=False)
    (wrong,) = mentions("The answer is hang\nIt is 5.")
    assert wrong == Outcome(None, False, None, "5", unhappened=False)


def test_what_the_budget_cuts_off_is_not_asserted() -> None:
    script = "So 2 + 2 = 4 and"
    assert mentions(script, max_tokens=12)[0].correct is False
    assert mentions(script, max_tokens=14)[0].first_correct == 12
    # An empty answer is a wrong one.
    assert mentions("")[0] == Outcome(False, False, None, None, unhappened=False)


def test_covering_prefix_is_the_shortest_that_decodes_to_the_end() -> None:
    # Tokens of several characters, and a character of several tokens.
    pieces = [b"It", b" is", b" \xc3", b"\xa9", b"4", b"!"]

    def decode(tokens: Sequence[int]) -> str:
        return b"".join(pieces[token] for token in tokens).decode(errors="replace")

    text = decode(range(6))
    completion = Completion(tuple(range(6)), text, (0.0,) * 6, finished=True)
    found = [covering_prefix(completion, end, decode) for end in range(1, len(text) + 1)]
    assert found == [1, 1, 2, 2, 2, 3, 4, 5, 6]


def test_forced_answers_on_a_grid() -> None:
    # The engine answers with the last digit it has seen.
    scripts = ("2 2 4 then", "x4yyyy5zzzz4z", "5", "")
    with GradingPool(OBEDIENT, workers=1, timeout=4.0) as pool:
        engine = Scripted()
        found = forced_answers(traces_of(*scripts), engine, pool, (2, 4, 8), batch_size=3)
    assert found == [
        # Without any digit of its own it repeats the question's: 2.
        Outcome(True, True, 8, "4", unhappened=False),
        Outcome(True, True, 2, "4", unhappened=True),
        Outcome(False, False, None, "5", unhappened=False),
        Outcome(False, False, None, "2", unhappened=False),
    ]
    # Points 2, 4, 8 and the end; 2, 4, 8 and 13; the end alone, twice.
    assert engine.batches == [3, 3, 3, 1]


def test_default_grid() -> None:
    assert default_grid(128) == (16, 32, 48, 64, 80, 96, 112, 128)
    assert default_grid(3) == (1, 2, 3)


@pytest.mark.smoke
def test_a_table_has_every_sample(tmp_path: Path) -> None:
    out = tmp_path / "new" / "t.parquet"
    seen: list[Progress] = []
    report = sample_traces(Scripted(), arithmetic(), OPTIONS, out, progress=seen.append)
    table = load_traces(out)
    assert (table.num_samples, table.num_prompts, table.units) == (15, 3, ("tokens",))
    rows = table.frame
    assert rows["sample_id"].to_list() == [0, 1, 2, 3, 4] * 3
    assert set(rows["dataset"]) == {"sums"}
    assert set(rows["model"]) == {"script"}
    by_text = {row["text"]: row for row in rows.iter_rows(named=True)}
    assert set(by_text) == set(SCRIPTS)
    lost = by_text[SCRIPTS[1]]
    assert (lost["correct"], lost["correct_at_end"], lost["answer"]) == (True, False, "5")
    assert lost["n_tokens"] == len(SCRIPTS[1]) + 1
    assert lost["logprob"] == -0.5 * lost["n_tokens"]
    config = json.loads(rows["sampling"][0])
    assert (config["seed"], config["max_tokens"], config["task"]) == (0, 40, "sums")
    assert (report.samples, report.prompts, report.resumed, report.timeouts) == (15, 3, 0, 1)
    assert report.correct == rows["correct"].sum()
    assert report.correct + report.incorrect + report.unverified == 15
    assert report.unhappened == rows.filter(text=SCRIPTS[1]).height
    assert [progress.done for progress in seen] == [4, 8, 12, 15]
    assert seen[-1].produced == report.tokens
    assert seen[-1].eta == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "t.parquet"]


def test_an_interrupted_run_continues_to_the_same_table(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.parquet", tmp_path / "broken.parquet"
    sample_traces(Scripted(QUICK), arithmetic(), OPTIONS, whole)
    with pytest.raises(KeyboardInterrupt):
        sample_traces(Scripted(QUICK, 2), arithmetic(), OPTIONS, broken)
    assert not broken.exists()
    stored = sorted((tmp_path / "broken.parquet.parts" / "cells").iterdir())
    assert len(stored) == 2
    # A damaged part is made again.
    stored[0].write_bytes(b"PAR1")
    engine = Scripted(QUICK)
    report = sample_traces(engine, arithmetic(), OPTIONS, broken)
    assert engine.batches == [4, 4, 3]
    assert report.resumed == 4
    assert len(report.warnings) == 1
    assert pl.read_parquet(whole).equals(pl.read_parquet(broken))
    assert not (tmp_path / "broken.parquet.parts").exists()


def test_a_finished_table_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    first = sample_traces(Scripted(QUICK), arithmetic(), OPTIONS, out)
    before = out.stat()
    engine = Scripted(QUICK)
    again = sample_traces(engine, arithmetic(), OPTIONS, out)
    assert engine.batches == []
    assert out.stat().st_mtime_ns == before.st_mtime_ns
    assert (again.resumed, again.correct) == (15, first.correct)
    assert again.tokens_per_second is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"temperature": 0.5}, "temperature 1.0 (asked for: 0.5)"),
        ({"seed": 1}, "seed 0 (asked for: 1)"),
        ({"samples": 6}, "samples 5 (asked for: 6)"),
        ({"first_correct": "forced-answer"}, 'first_correct "first-mention" (asked for: "forced'),
    ],
)
def test_another_configuration_is_refused(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    out = tmp_path / "t.parquet"
    changed = SampleOptions(**{**vars(OPTIONS), **change})
    for fail_after in (1, None):
        engine = Scripted(QUICK, fail_after)
        if fail_after is None:
            sample_traces(engine, arithmetic(), OPTIONS, out)
        else:
            with pytest.raises(KeyboardInterrupt):
                sample_traces(engine, arithmetic(), OPTIONS, out)
        with pytest.raises(StoreError) as refusal:
            sample_traces(Scripted(QUICK), arithmetic(), changed, out)
        assert says in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert load_traces(out).num_samples == 15


def test_another_task_of_the_same_name_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    sample_traces(Scripted(QUICK), arithmetic(), OPTIONS, out)
    with pytest.raises(StoreError, match="prompts 3 "):
        sample_traces(Scripted(QUICK), arithmetic(4), OPTIONS, out)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "t.parquet"
    pl.DataFrame({"prompt_id": ["a"], "correct": [False]}).write_parquet(foreign)
    before = foreign.read_bytes()
    with pytest.raises(TableError, match="no table of `verigap sample`"):
        sample_traces(Scripted(), arithmetic(), OPTIONS, foreign)
    assert foreign.read_bytes() == before
    with pytest.raises(TableError, match=r"end the name in \.parquet"):
        sample_traces(Scripted(), arithmetic(), OPTIONS, tmp_path / "t.csv")


def test_seeds_are_distinct_and_depend_on_the_place_alone() -> None:
    seeds = {sample_seed(s, p, i) for s in range(3) for p in range(30) for i in range(30)}
    assert len(seeds) == 2700
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert sample_seed(0, 1, 2) == 2747322444517399675


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"samples": 0}, "samples"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"timeout": 0.0}, "timeout"),
        ({"first_correct": "guess"}, "first_correct"),
        ({"grid": (1, 2)}, "grid: of no use"),
        ({"grid": (2, 1), "first_correct": "forced-answer"}, "grid: expected ascending"),
    ],
)
def test_bad_options(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SampleOptions(**{**vars(OPTIONS), **change})
