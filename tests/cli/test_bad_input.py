"""Bad input: one line that says what is wrong, exit code 2, and no file or folder left behind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused

CELL: Mapping[str, object] = {"horizon": 16, "data_budget": 8, "log2_class_size": 4}
HUGE = "1" + "0" * 400


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def sweep_of(head: str = "", **parameters: object) -> str:
    lines = [f"    {key}: {value}" for key, value in {**CELL, **parameters}.items()]
    return "\n".join([head, "sweeps:", "  - name: only", *lines, ""])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(sweep_of("replicate: 9"), "replicate: unknown key", id="unknown key"),
        pytest.param(
            sweep_of(grid="{horizon: [&a [*a]]}"), "an alias of what it stands in", id="a loop"
        ),
        pytest.param(
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(
                f"{y}: &{y} [{', '.join(10 * [f'*{x}'])}]\n"
                for x, y in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "more than 1,000,000 values",
            id="aliases of aliases",
        ),
        pytest.param(sweep_of(horizon=0), "horizon: ", id="horizon 0"),
        pytest.param(sweep_of('"a\\nb": 2'), "a b: unknown key", id="a key of two lines"),
        pytest.param(sweep_of(chi2_radius=-1), "chi2_radius: ", id="negative radius"),
        pytest.param(
            sweep_of(law="{family: returns, returns: [[0, 1]], probabilities: [[0.5, 0.4]]}"),
            "probabilities: unknown key",
            id="returns with probabilities",
        ),
        pytest.param(
            sweep_of(law="{family: table, table: nowhere.parquet}"),
            "nowhere.parquet: no such file",
            id="no law table",
        ),
        pytest.param(
            sweep_of(law="{family: geometric, rate: 0.1}", horizon=9999999),
            "horizon: 9999999 is too large for a law of hitting times",
            id="too many returns",
        ),
        pytest.param("sweeps: [\n  - {", "not valid YAML at line 2", id="invalid YAML"),
        pytest.param(sweep_of("seed: 2020-13-45"), "config.yaml", id="a date in invalid YAML"),
        pytest.param("[" * 5000, "config.yaml", id="a maze of brackets"),
        pytest.param("sweeps: []\n", "sweeps: ", id="no sweeps"),
        pytest.param(
            sweep_of("learners: [vf-gpt]"), "unknown learner 'vf-gpt'", id="unknown learner"
        ),
        pytest.param(
            sweep_of("bounds: [VF-MIDDLE]"), "unknown bound 'VF-MIDDLE'", id="unknown bound"
        ),
    ],
)
def test_configuration(in_process: InProcess, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    # Without --out the run would go to runs/config.
    assert_refused(in_process("sweep", "config.yaml", cwd=tmp_path), says)
    assert contents(tmp_path) == ["config.yaml"]


LAWS: Mapping[str, list[Any]] = {
    "dataset": ["d"],
    "model": ["m"],
    "prompt_id": ["p"],
    "horizon": [16],
    "samples": [4],
    "unverified": [0],
    "unit": ["tokens"],
    "returns": [[0.0, 5.0]],
    "probabilities": [[0.5, 0.5]],
}


@pytest.mark.parametrize(
    ("command", "probabilities", "says"),
    [
        ("sweep config.yaml --out run", [0.5, 0.4], "do not sum to 1"),
        (
            "bounds --horizon 16 --n 8 --log2-class 4 --law laws.parquet",
            [0.5, float("nan")],
            "not a finite number",
        ),
    ],
    ids=["sum", "NaN"],
)
def test_law_table(
    in_process: InProcess, tmp_path: Path, command: str, probabilities: list[float], says: str
) -> None:
    laws = {**LAWS, "probabilities": [probabilities]}
    pl.DataFrame(laws).write_parquet(tmp_path / "laws.parquet")
    (tmp_path / "config.yaml").write_text(sweep_of(law="{family: table, table: laws.parquet}"))
    before = contents(tmp_path)
    done = in_process(*command.split(), cwd=tmp_path)
    assert_refused(done, "laws.parquet: column 'probabilities', row 1")
    assert says in done.stderr
    assert contents(tmp_path) == before


def test_a_law_table_of_several_models(in_process: InProcess, law_table: Path) -> None:
    question = "bounds --horizon 64 --n 8 --log2-class 4 --law laws.parquet"
    done = in_process(*question.split(), cwd=law_table.parent)
    assert_refused(done, "holds several models (gpt-4-cot, gpt-4-io); name one")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("t.csv", "prompt_id,n_tokens\na,3\n", "column 'correct' is missing"),
        ("t.csv", "prompt_id,correct,n_tokens\na,true,NaN\n", "t.csv, line 2: n_tokens is nan"),
        ("t.csv", "prompt_id,correct,n_tokens\n", "holds no traces"),
        ("t.parquet", "", "is empty"),
        ("t.parquet", "prompt_id,correct\na,true\n", "cannot be read as a Parquet file"),
        ("t.txt", "prompt a is correct\n", "tables come as .csv, .tsv, .json, .jsonl or .parquet"),
        ("t.jsonl", '{"prompt_id": 1, "correct": tru', "line 1: not valid JSON"),
        ("t.parquet", None, "t.parquet: no such file"),
    ],
)
def test_traces(
    in_process: InProcess, tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    before = contents(tmp_path)
    done = in_process("laws", name, "--horizon", "64", "--out", "laws.parquet", cwd=tmp_path)
    assert_refused(done, says)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("column", ["first_correct", "logprob"])
def test_nan_in_parquet_traces(in_process: InProcess, tmp_path: Path, column: str) -> None:
    frame = pl.DataFrame({"prompt_id": ["a", "a"], "correct": [True, False]})
    values = {"first_correct": [2.0, None], "n_tokens": [5.0, 5.0], "logprob": [-1.0, -1.0]}
    values[column][1] = float("nan")
    frame.with_columns(**{name: pl.Series(value) for name, value in values.items()}).write_parquet(
        tmp_path / "t.parquet"
    )
    done = in_process("laws", "t.parquet", "--horizon", "64", "--out", "laws.parquet", cwd=tmp_path)
    assert_refused(done, f"t.parquet, row 2: {column} is nan, not a finite number")
    assert contents(tmp_path) == ["t.parquet"]


@pytest.mark.parametrize("budgets", ["0", "abc", "", "64,64"])
def test_budgets(in_process: InProcess, tmp_path: Path, budgets: str) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\na,true,5\n")
    done = in_process("laws", "t.csv", "--horizon", budgets, "--out", "laws.parquet", cwd=tmp_path)
    assert_refused(done, "--horizon: ")
    assert contents(tmp_path) == ["t.csv"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("--horizon 0", "--horizon: "),
        (f"--horizon {HUGE}", "--horizon: "),
        ("--n 0", "--n: "),
        (f"--n {HUGE}", "--n: "),
        ("--log2-class nan", "--log2-class: "),
        ("--log2-class inf", "--log2-class: "),
        ("--kappa -1", "--kappa: "),
        ("--kappa nan", "--kappa: "),
        ("--kappa inf", "--kappa: "),
        ("--tilt nan", "--tilt: "),
        ("--tilt inf", "--tilt: "),
        ("--delta 2", "--delta: "),
        ("--seed 99999999999999999999", "--seed: "),
        ("--law geometric:rate=.1 --horizon 9999999", "horizon: 9999999 is too large for a law of"),
        ("--law zipf:a=2", "--law: no family 'zipf'; one of two-level, returns, geometric"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_questions(in_process: InProcess, tmp_path: Path, changed: str, says: str) -> None:
    # Of an option given twice the later one counts.
    question = "bounds --horizon 16 --n 8 --log2-class 4 --law two-level"
    done = in_process(*question.split(), *changed.split(), cwd=tmp_path)
    assert_refused(done, says)
    assert contents(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("bounds --horizon 16 --n 8 --log2-class 4", "give --law, or all of --sigma, --mean"),
        ("bounds --horizon 16 --n 8 --log2-class 4 --sigma 1 --mean 1", "--c0"),
        ("bounds --law two-level --n 8", "--horizon, --log2-class: missing"),
        ("bounds --nosuch 3", "No such option: --nosuch"),
        ("simulate", "No such command 'simulate'"),
        ("laws t.csv --horizon 64", "Missing option '--out'"),
        ("sweep", "Missing argument"),
        ("sweep nowhere.yaml", "nowhere.yaml: no such file"),
        ("sweep nowhere.yaml --engine dask", "--engine: unknown engine 'dask'; use local or ray"),
        ("check", "Missing argument"),
        ("check nowhere", "nowhere: no run folder there; make one with `verigap sweep`"),
        ("check folder", "folder: is not a run folder; make one with `verigap sweep`"),
        ("check folder/notes.txt", "folder/notes.txt: no run folder there"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_command_lines(in_process: InProcess, tmp_path: Path, command: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("not a run\n")
    before = contents(tmp_path)
    assert_refused(in_process(*command.split(), cwd=tmp_path), says)
    assert contents(tmp_path) == before


def test_a_name_too_long(verigap: Command, tmp_path: Path) -> None:
    assert_refused(verigap("check", "x" * 300, cwd=tmp_path), "x: ")


def test_a_grid_of_too_many_cells(in_process: InProcess, tmp_path: Path) -> None:
    config = tmp_path / "huge.yaml"
    names = ("horizon", "data_budget", "log2_class_size", "chi2_radius")
    lines = "".join(f"      {name}: {[*range(1, 201)]}\n" for name in names)
    config.write_text(f"sweeps:\n  - name: a\n    grid:\n{lines}")
    done = in_process("sweep", config, "--out", tmp_path / "run")
    assert_refused(done, f"{config}: sweeps: lay out 1,600,000,000 cells, and a sweep may have")
    assert not (tmp_path / "run").exists()
