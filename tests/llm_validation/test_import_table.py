import gzip
from pathlib import Path

import polars as pl
import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.storage.tables import TableError

MAPPING = {
    "dataset": "task",
    "prompt_id": "problem",
    "sample_id": "try",
    "correct": "is_correct",
    "first_correct": "first",
    "n_tokens": "length",
    "verifier_score": "reward",
    "text": "reply",
}


def test_csv_by_a_mapping(tmp_path: Path) -> None:
    done = run("table", tmp_path, "table.csv", mapping=MAPPING)
    assert done.rows("dataset", "prompt_id", "sample_id", "correct", "first_correct") == [
        ("sums", "007", 0, True, 3),
        ("sums", "007", 1, False, None),
        ("sums", "008", 0, None, None),
    ]
    assert done.rows("n_tokens", "verifier_score", "text", "unit")[0] == (
        5,
        0.5,
        'so 4,\n\nquoted "4"',
        "tokens",
    )
    assert done.report.decided_by == {"is_correct": 3}
    assert done.column("source")[0] == "table.csv; correct by is_correct"


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "jsonl.gz", "csv"])
def test_every_kind_of_table_without_a_mapping(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "prompt_id": [1, 1, 2],
            "correct": [True, False, None],
            "n_tokens": [4.0, 5.0, None],
            "answer": ["1,000", "x", None],
        }
    )
    path = tmp_path / f"t.{kind}"
    if kind.startswith("jsonl"):
        data = frame.write_ndjson().encode()
        path.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    else:
        (frame.write_csv if kind == "csv" else frame.write_parquet)(path)
    done = run("table", tmp_path, path)
    assert done.rows("prompt_id", "sample_id", "correct", "n_tokens", "answer_canonical") == [
        ("1", 0, True, 4, "1000"),
        ("1", 1, False, 5, "x"),
        ("2", 0, None, None, None),
    ]


def test_a_target_grades_what_is_not_judged_yet(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "t.jsonl",
        {"p": "a", "out": "#### 0.5", "gold": "1/2"},
        {"p": "a", "out": "the answer is 3", "gold": "1/2"},
        {"p": "a", "out": "I am not sure", "gold": "1/2"},
    )
    done = run("table", tmp_path, path, mapping={"prompt_id": "p", "text": "out", "target": "gold"})
    assert done.column("correct") == [True, False, False]
    assert done.report.decided_by == {"answer against gold": 3}
    assert done.report.incorrect_because == {"no answer found": 1}


def test_a_parquet_of_many_pieces_keeps_its_order(tmp_path: Path) -> None:
    rows = 20_001
    frame = pl.DataFrame({"prompt_id": [str(i % 7) for i in range(rows)], "n_tokens": range(rows)})
    frame.with_columns(correct=pl.lit(False)).write_parquet(tmp_path / "t.parquet")
    done = run("table", tmp_path, tmp_path / "t.parquet")
    assert done.column("n_tokens") == list(range(rows))
    assert done.column("sample_id") == [i // 7 for i in range(rows)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt_id,correct\na,perhaps\n", r"t\.csv, line 2: correct is 'perhaps', neither true"),
        ("prompt_id,correct,n_tokens\na,true,-3\n", "line 2: n_tokens is '-3'; a length"),
        ("prompt_id,correct,n_tokens\na,true,2.5\n", "not a whole number"),
        ("prompt_id,correct,n_tokens\na,true,nine\n", "not a number"),
        ("prompt_id,correct,n_tokens\na,true,1e400\n", "not a finite number"),
        ("prompt_id,correct,verifier_score\na,false,inf\n", "not a finite number"),
        ("prompt_id,correct\n,true\n", "prompt_id is '', not a name"),
        ("prompt_id,n_tokens\na,3\n", "field 'correct' is missing"),
        ("prompt_id,correct,n_tokens,first_correct\na,true,3,4\n", "past the end"),
        ("prompt_id,correct,n_tokens,first_correct\na,false,3,2\n", "is not correct"),
        ("prompt_id,correct,n_tokens,first_correct\na,true,3,0\n", "counts from 1"),
        ("prompt_id,correct\na,false,9\n", "3 fields where the header has 2"),
        ('prompt_id,correct\n"a,false\n', "not valid CSV"),
        ("prompt_id,prompt_id\na,b\n", "a column name comes twice"),
        ("prompt_id,correct,unit,n_tokens\na,true,bytes,3\n", "unit"),
        ("", "holds no samples"),
    ],
)
def test_bad_rows(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=says) as refusal:
        run("table", tmp_path, path)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"problem": "p"}, "mapping: unknown column 'problem'"),
        ({"prompt_id": "nowhere"}, "field 'nowhere' is missing"),
    ],
)
def test_bad_mappings(tmp_path: Path, mapping: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run("table", tmp_path, "table.csv", mapping=mapping)


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.parquet"])
def test_what_is_no_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 and so on")
    with pytest.raises(TableError, match=r"tables come as|cannot be read as a Parquet file"):
        run("table", tmp_path, tmp_path / name)
