from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from verigap.llm_validation import read_traces
from verigap.llm_validation.traces import (
    COLUMNS,
    Traces,
    load_traces,
    needs_no_reading,
    write_traces,
)
from verigap.storage.tables import TableError

ROOT = Path(__file__).resolve().parents[2]
NAN, INF = float("nan"), float("inf")


def column(traces: Traces, name: str) -> list[object]:
    return traces.frame[name].to_list()


def test_two_columns_are_enough() -> None:
    traces = Traces(pl.DataFrame({"prompt_id": [2, 1, 2], "correct": [False, None, False]}))
    assert tuple(traces.frame.columns) == COLUMNS
    assert column(traces, "prompt_id") == ["2", "1", "2"]
    assert column(traces, "sample_id") == [0, 0, 1]
    assert column(traces, "dataset") == ["", "", ""]
    assert column(traces, "first_correct") == [None, None, None]
    assert column(traces, "first_correct_is_end") == [False, False, False]
    assert (traces.num_samples, traces.num_unverified, traces.num_prompts) == (3, 1, 2)


def test_samples_are_numbered_within_prompt_dataset_and_model() -> None:
    frame = pl.DataFrame(
        {
            "dataset": ["d", "d", "e", "d", "d"],
            "model": ["m", "n", "m", "m", "m"],
            "prompt_id": [1, 1, 1, 1, 2],
            "correct": [False] * 5,
        }
    )
    assert column(Traces(frame), "sample_id") == [0, 0, 0, 1, 0]


def test_a_correct_trace_without_its_token_counts_from_its_end() -> None:
    frame = pl.DataFrame(
        {
            "prompt_id": ["a"] * 4,
            "correct": [True, True, False, None],
            "first_correct": [None, 3, None, None],
            "n_tokens": [9, 9, 9, 9],
        }
    )
    traces = Traces(frame)
    assert column(traces, "first_correct") == [9, 3, None, None]
    assert column(traces, "first_correct_is_end") == [True, False, False, False]
    # The column may be missing altogether, and a mark made earlier is kept.
    assert column(Traces(frame.drop("first_correct")), "first_correct") == [9, 9, None, None]
    marked = frame.with_columns(first_correct_is_end=pl.Series([0, 1, 1, None]))
    assert column(Traces(marked), "first_correct_is_end") == [True, True, False, False]


def test_the_example_file() -> None:
    traces = load_traces(ROOT / "examples" / "game24_gpt4.parquet")
    assert (traces.num_samples, traces.num_unverified, traces.num_prompts) == (20_000, 0, 200)
    assert set(traces.ignored_columns) == {"n_words", "n_chars", "gpt4_tokens_prompt_mean"}
    rates = traces.frame.group_by("model").agg(pl.col("correct").mean().round(4))
    assert dict(rates.iter_rows()) == {"gpt-4-cot": 0.0403, "gpt-4-io": 0.0734}


def test_a_round_trip(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "prompt_id": ["007", "8"],
            "correct": [True, None],
            "first_correct": [2, None],
            "n_tokens": [5, 6],
            "logprob": [-1.5, None],
            "answer": ["24", None],
            "seed": [1, 2],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    wanted = Traces(frame).frame
    traces = load_traces(tmp_path / "t.parquet")
    assert traces.frame.equals(wanted)
    assert traces.ignored_columns == ("seed",)
    write_traces(traces, tmp_path / "again.parquet")
    assert load_traces(tmp_path / "again.parquet").frame.equals(wanted)
    with pytest.raises(TableError, match=r"end the name in \.parquet"):
        write_traces(Traces(frame), tmp_path / "t.csv")


def test_whole_floats_and_zero_one_flags_are_understood() -> None:
    traces = Traces(
        pl.DataFrame(
            {
                "prompt_id": [1, 2],
                "correct": [1, 0],
                "first_correct": [3.0, None],
                "answer": [24.0, None],
                "text": [None, None],
            }
        )
    )
    assert column(traces, "correct") == [True, False]
    assert column(traces, "first_correct") == [3, None]
    assert column(traces, "answer") == ["24.0", None]
    assert traces.frame.schema["text"] == pl.String


FLAGS: dict[str, pl.Series] = {
    "Float64": pl.Series([1.0, 0.0, None, NAN]),
    "Float32": pl.Series([1.0, 0.0, None, NAN], dtype=pl.Float32),
    "Float16": pl.Series([1.0, 0.0, None, NAN], dtype=pl.Float16),
    "Int8": pl.Series([1, 0, None, None], dtype=pl.Int8),
    "UInt64": pl.Series([1, 0, None, None], dtype=pl.UInt64),
    "decimals": pl.Series([Decimal("1.00"), Decimal("0.00"), None, None]),
    "words": pl.Series(["true", " No ", None, "nan"]),
    "digits": pl.Series(["1.0", "0", None, ""]),
    "categories": pl.Series(["yes", "FALSE", None, None], dtype=pl.Categorical),
    "nothing": pl.Series([None, None, None, None], dtype=pl.Float64),
}


@pytest.mark.parametrize("kind", FLAGS)
@pytest.mark.parametrize("name", ["correct", "correct_at_end"])
def test_verdicts_of_any_type_are_read_alike_by_every_reader(
    tmp_path: Path, kind: str, name: str
) -> None:
    frame = pl.DataFrame({"prompt_id": ["a"] * 4, "correct": [None] * 4, name: FLAGS[kind]})
    frame.write_parquet(tmp_path / "t.parquet")
    wanted = [None] * 4 if kind == "nothing" else [True, False, None, None]
    assert column(Traces(frame), name) == wanted
    assert column(load_traces(tmp_path / "t.parquet"), name) == wanted
    assert column(read_traces(frame), name) == wanted
    assert column(read_traces(tmp_path / "t.parquet"), name) == wanted


def test_decimals_are_no_whole_numbers_where_they_are_not() -> None:
    lengths = pl.Series([Decimal("2.5"), Decimal("3.0")])
    frame = pl.DataFrame({"prompt_id": ["a", "b"], "correct": [True, True], "n_tokens": lengths})
    with pytest.raises(TableError, match=r"row 1 .*not a whole number"):
        Traces(frame)
    assert column(Traces(frame[1:]), "n_tokens") == [3]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"first_correct": [2.0, NAN]}, "column 'first_correct', row 2 .*not a finite number"),
        ({"first_correct": [2.0, INF]}, "column 'first_correct', row 2 .*not a finite number"),
        ({"first_correct": [2.5, None]}, "row 1 .*not a whole number"),
        ({"first_correct": [1e300, None], "n_tokens": [None, None]}, "out of range"),
        ({"first_correct": [0, None]}, "row 1 .*places count from 1"),
        ({"first_correct": [-4, None]}, "row 1 .*places count from 1"),
        ({"first_correct": ["2", None]}, "'first_correct' holds String, not whole numbers"),
        ({"first_correct": [True, None]}, "'first_correct' holds Boolean, not whole numbers"),
        ({"first_correct": [2, 3]}, "row 2 .*the trace is not correct"),
        ({"first_correct": [2, 3], "correct": [True, None]}, "row 2 .*could not be verified"),
        ({"first_correct": [6, None]}, "row 1 .*past the end"),
        ({"n_tokens": [5, -1]}, "column 'n_tokens', row 2 .*negative"),
        ({"n_tokens": [5.0, NAN]}, "column 'n_tokens', row 2 .*not a finite number"),
        ({"correct": [1.0, INF]}, "column 'correct', row 2 .*neither true nor false"),
        ({"correct": [1.0, 0.5]}, "column 'correct', row 2 .*neither true nor false"),
        ({"correct": [1, 2]}, "column 'correct', row 2 .*neither true nor false"),
        ({"correct": ["yes", "maybe"]}, "column 'correct', row 2 .*neither true nor false"),
        ({"correct": [[1], [0]]}, r"'correct' holds List\(Int64\), not true, false or null"),
        ({"logprob": [NAN, -1.0]}, "column 'logprob', row 1 .*not a finite number"),
        ({"verifier_score": ["high", "low"]}, "'verifier_score' holds String, not numbers"),
        ({"prompt_id": ["a", None]}, "column 'prompt_id', row 2 .*missing"),
        ({"prompt_id": [1.5, 2.0]}, "'prompt_id' holds Float64, not text"),
        ({"model": [1, 2]}, "'model' holds Int64, not text"),
        ({"sample_id": [0, None]}, "column 'sample_id', row 2 .*missing"),
        ({"prompt_id": ["a", "a"], "sample_id": [4, 4]}, "row 1 .*twice"),
    ],
)
def test_bad_rows_are_refused_in_one_line(changes: dict[str, object], expected: str) -> None:
    rows: dict[str, object] = {
        "prompt_id": ["a", "b"],
        "correct": [True, False],
        "first_correct": [2, None],
        "n_tokens": [5, 5],
    }
    with pytest.raises(TableError, match=expected) as refusal:
        Traces(pl.DataFrame(rows | changes), "t.parquet")
    message = str(refusal.value)
    assert message.startswith("t.parquet: column ")
    assert "\n" not in message
    assert "; " in message  # what, and what to do


def test_bad_files_are_refused(tmp_path: Path) -> None:
    good = pl.DataFrame({"prompt_id": ["a"], "correct": [False]})
    good.drop("correct").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="column 'correct' is missing"):
        load_traces(tmp_path / "t.parquet")
    good.clear().write_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="holds no traces"):
        load_traces(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="no such file"):
        load_traces(tmp_path / "missing.parquet")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for junk in (b"", b"\x00\xff{]" * 50, b"PAR1\n"):
        path.write_bytes(junk)
        with pytest.raises(TableError) as refusal:
            load_traces(path)
        assert str(refusal.value).startswith(f"{path}: ")
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("columns", "as_it_stands"),
    [
        ({}, True),
        ({"n_tokens": [3]}, True),
        # Interpreted, unless the table is one that was written here, with all columns.
        ({"text": ["so 4"]}, False),
        ({"answer": ["4"]}, False),
        ({"sampling": ["{}"]}, False),
        ({"other": [1]}, False),
        ({"verifier_score": [NAN]}, False),
        ({"prompt_id": [" "]}, False),
        ({"prompt_id": [None]}, False),
        ({"correct": [1]}, False),
    ],
)
def test_tables_in_which_nothing_is_to_be_interpreted(
    columns: dict[str, list[object]], as_it_stands: bool
) -> None:
    given = {"prompt_id": ["a"], "correct": [True]}
    assert needs_no_reading(pl.DataFrame(given | columns)) == as_it_stands


def test_nothing_is_to_be_interpreted_in_a_table_with_all_columns() -> None:
    whole = Traces(pl.DataFrame({"prompt_id": ["a"], "correct": [True], "text": ["so 4"]})).frame
    assert needs_no_reading(whole)
    assert not needs_no_reading(whole.drop("unit"))
