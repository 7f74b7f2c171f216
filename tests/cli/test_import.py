"""`verigap import` as a user meets it."""

import json
from pathlib import Path

import polars as pl

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.cli.test_bad_input import contents

FIXTURES = Path(__file__).parents[1] / "llm_validation" / "fixtures"


def test_from_a_log_to_laws(verigap: Command, tmp_path: Path) -> None:
    done = succeeded(
        verigap("import", "monkeys", FIXTURES / "monkeys.jsonl", "--out", "t.parquet", cwd=tmp_path)
    )
    assert done.stdout.splitlines() == [
        "t.parquet: 6 samples of 2 prompts, lengths in words",
        "  3 correct, 3 incorrect, 0 ungraded",
        "  correctness decided by is_corrects: 6 samples",
    ]
    assert done.stderr == ""
    laws = succeeded(
        verigap("laws", "t.parquet", "--horizon", "8", "--out", "l.parquet", cwd=tmp_path)
    )
    assert "at H = 8 words, from 6 verified samples" in laws.stdout
    assert set(pl.read_parquet(tmp_path / "l.parquet")["unit"]) == {"words"}
    assert contents(tmp_path) == ["l.parquet", "t.parquet"]


def test_json_with_a_mapping_into_a_new_folder(in_process: InProcess, tmp_path: Path) -> None:
    maps = ("prompt_id=problem", "correct=is_correct", "n_tokens=length", "sample_id=try")
    flags = [flag for entry in maps for flag in ("--map", entry)]
    done = succeeded(
        in_process(
            "import", "table", FIXTURES / "table.csv", *flags, "--model", "m",
            "--out", "new/t.parquet", "--json", cwd=tmp_path,
        )
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert (report["samples"], report["prompts"], report["unit"]) == (3, 2, "tokens")
    assert report["groups"] == [
        {"dataset": "", "model": "m", "correct": 1, "incorrect": 1, "ungraded": 1}
    ]
    assert contents(tmp_path) == ["new", "new/t.parquet"]


def test_a_bad_line_stops_the_import_or_is_listed(in_process: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"problem": "p", "completions": ["\\\\boxed{1}"], "answer": "1"}\n{"prob\n')
    arguments = ("import", "search-and-learn", "s.jsonl", "--out", "new/t.parquet")
    assert_refused(in_process(*arguments, cwd=tmp_path), "s.jsonl, line 2: not valid JSON")
    assert contents(tmp_path) == ["s.jsonl"]
    done = succeeded(in_process(*arguments, "--on-error", "skip", cwd=tmp_path))
    assert done.stderr.splitlines()[0] == "verigap: skipped 1 unreadable records or samples:"
    assert done.stderr.splitlines()[1].startswith("  s.jsonl, line 2: not valid JSON")
    assert len(pl.read_parquet(tmp_path / "new" / "t.parquet")) == 1


def test_a_line_of_100_mb(in_process: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with path.open("wb") as file:
        file.write(b'{"problem": "')
        file.truncate(100 * 10**6)
    done = in_process("import", "search-and-learn", "s.jsonl", "--out", "t.parquet", cwd=tmp_path)
    assert_refused(done, "s.jsonl, line 1: the line is longer than 64 MiB")
    assert contents(tmp_path) == ["s.jsonl"]


def test_command_lines(in_process: InProcess, tmp_path: Path) -> None:
    path = FIXTURES / "monkeys.jsonl"
    for arguments, says in (
        (("csv", path, "--out", "t.parquet"), "csv: unknown format; use one of lm-eval, inspect"),
        (("monkeys", path), "Missing option '--out'"),
        (("monkeys", "--out", "t.parquet"), "monkeys: give the files to import after"),
        (("monkeys", path, "--out", "t.csv"), "end the name in .parquet"),
        (("monkeys", path, "--out", "t.parquet", "--on-error", "go"), "--on-error: unknown 'go'"),
        (("monkeys", path, "--out", "t.parquet", "--metric", "acc"), "--metric: of no use for"),
        (("table", path, "--out", "t.parquet", "--map", "text"), "expected OURS=THEIRS"),
        (("monkeys", "nowhere.json", "--out", "t.parquet"), "nowhere.json: no such file"),
        (("monkeys", path, "--out", "/proc/t.parquet"), "/proc/t.parquet: cannot be written"),
    ):
        assert_refused(in_process("import", *arguments, cwd=tmp_path), says)
    assert contents(tmp_path) == []


TOOLS = FIXTURES / "tools"


def test_the_format_is_recognised_and_named(in_process: InProcess, tmp_path: Path) -> None:
    log = TOOLS / "verifiers" / "weighted_reward" / "results.jsonl"
    done = succeeded(in_process("import", log, "--out", "t.parquet", cwd=tmp_path))
    assert done.stdout.splitlines()[:3] == [
        "format verifiers: results of verifiers",
        "t.parquet: 16 samples of 4 prompts, lengths in tokens",
        "  6 correct, 10 incorrect, 0 ungraded",
    ]
    assert "the harness states mean of right_answer 0.375; here 0.375" in done.stdout
    assert "  2 texts repeat an earlier one of their prompt" in done.stdout


def test_a_wrong_format_is_named(in_process: InProcess, tmp_path: Path) -> None:
    batch = TOOLS / "batches" / "anthropic_results.jsonl"
    done = in_process("import", "openai-batch", batch, "--out", "t.parquet", cwd=tmp_path)
    assert_refused(done, "this is an Anthropic batch; leave the format out or give anthropic-batch")
    both = (batch, TOOLS / "handmade" / "verl" / "100.jsonl")
    done = in_process("import", *both, "--out", "t.parquet", cwd=tmp_path)
    assert_refused(done, "100.jsonl is verl); import them one by one")
    (tmp_path / "other.jsonl").write_text('{"a": 1, "b": 2}\n')
    done = in_process("import", "other.jsonl", "--out", "t.parquet", cwd=tmp_path)
    assert_refused(done, "is of no format known here (its fields: a, b); give the format: lm-eval")


def test_fit_imports_on_the_way(verigap: Command, tmp_path: Path) -> None:
    seeds = sorted((TOOLS / "handmade" / "nemo_skills").glob("output-rs*.jsonl"))
    done = succeeded(verigap("fit", *seeds, "--horizon", "8", cwd=tmp_path))
    assert "20 verified samples; mean correct over prompts 0.45 " in done.stdout
    assert done.stderr.splitlines()[0] == (
        "verigap: an output of NeMo-Skills: 20 samples of 5 prompts, 9 correct, 11 incorrect, "
        "0 ungraded (verigap import says more)"
    )
    assert contents(tmp_path) == []
