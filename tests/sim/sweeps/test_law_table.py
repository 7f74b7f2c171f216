from pathlib import Path

import numpy as np
import polars as pl
import pytest

from verigap.sim.sweeps.law_table import LawTable, read_law_table, write_law_table
from verigap.storage.tables import TableError
from verigap.theory.laws import RewardLaw


def law(prompt: str, horizon: int = 4, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "dataset": "toy",
        "model": "m",
        "prompt_id": prompt,
        "horizon": horizon,
        "samples": 4,
        "unverified": 0,
        "unit": "tokens",
        "returns": [0.0, 3.0],
        "probabilities": [0.75, 0.25],
    }
    return row | changes


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows))


TWO = frame(law("b", returns=[1.0, 3.0, 4.0], probabilities=[0.5, 0.25, 0.25]), law("a"))


def test_select_gives_arrays_on_the_union_support() -> None:
    laws = LawTable(TWO).select(4)
    assert laws.prompt_ids == ("a", "b")
    np.testing.assert_array_equal(laws.support, [0.0, 1.0, 3.0, 4.0])
    np.testing.assert_array_equal(
        laws.probabilities, [[0.75, 0.0, 0.25, 0.0], [0.0, 0.5, 0.25, 0.25]]
    )
    checked = RewardLaw.checked(laws.support, laws.probabilities)
    np.testing.assert_allclose(checked.mean, [0.75, 2.25])


def test_select_names_what_is_missing_or_ambiguous() -> None:
    table = LawTable(frame(law("a"), law("a", model="n"), law("a", horizon=8, model="n")))
    assert table.horizons == (4, 8)
    assert table.groups == (("toy", "m"), ("toy", "n"))
    assert table.select(8, dataset="toy", model="n").prompt_ids == ("a",)
    with pytest.raises(TableError, match=r"several models \(m, n\); name one"):
        table.select(4)
    with pytest.raises(TableError, match="no model 'gpt'; the table holds m, n"):
        table.select(4, model="gpt")
    with pytest.raises(TableError, match="no laws at horizon 8; there are laws at 4 tokens"):
        table.select(8, model="m")


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "laws.parquet"
    write_law_table(LawTable(TWO), path)
    table = read_law_table(path)
    assert table.frame.equals(TWO.sort("prompt_id"))
    assert table.source == str(path)
    assert [file.name for file in tmp_path.iterdir()] == ["laws.parquet"]
    with pytest.raises(TableError, match="cannot be written"):
        write_law_table(table, path / "below.parquet")


def test_the_digest_follows_content_and_not_encoding(tmp_path: Path) -> None:
    digest = LawTable(TWO).digest
    assert len(digest) == 64
    shuffled = TWO.reverse().select(reversed(TWO.columns))
    narrow = shuffled.with_columns(
        pl.col("horizon").cast(pl.UInt8), pl.col("samples").cast(pl.Int16)
    )
    narrow.write_parquet(tmp_path / "laws.parquet", compression="uncompressed", row_group_size=1)
    assert read_law_table(tmp_path / "laws.parquet").digest == digest
    positive, negative = (LawTable(frame(law("a", returns=[z, 3.0]))) for z in (0.0, -0.0))
    assert negative.digest == positive.digest
    # The same numbers in the same order, but shared out differently between two prompts.
    early = frame(
        law("a", returns=[0.0, 1.0], probabilities=[1.0, 0.0]),
        law("b", returns=[2.0], probabilities=[1.0]),
    )
    late = frame(
        law("a", returns=[0.0], probabilities=[1.0]),
        law("b", returns=[1.0, 2.0], probabilities=[0.0, 1.0]),
    )
    assert LawTable(early).digest != LawTable(late).digest
    others = [
        law("c"),
        law("b", horizon=5),
        law("b", samples=5),
        law("b", unverified=1),
        law("b", returns=[0.0, 2.0]),
        law("b", probabilities=[0.5, 0.5]),
        law("b", returns=[0.0], probabilities=[1.0]),
        law("b", dataset="toym", model=""),
    ]
    digests = {LawTable(frame(law("a"), other)).digest for other in [law("b"), *others]}
    assert len(digests) == len(others) + 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"returns": [0.0, 3.5, 3.5], "probabilities": [0.5, 0.25, 0.25]}, "ascending order"),
        ({"returns": [3.0, 0.0]}, "ascending order"),
        ({"returns": [0.0, 5.0]}, "column 'returns', row 2 .*between 0 and the horizon"),
        ({"returns": [-1.0, 3.0]}, "between 0 and the horizon"),
        ({"returns": [0.0, float("nan")]}, "column 'returns', row 2 .*not a finite number"),
        ({"returns": [0.0, float("inf")]}, "not a finite number"),
        ({"returns": [0.0, None]}, "not a finite number"),
        ({"probabilities": [0.5, float("nan")]}, "'probabilities', row 2 .*not a finite number"),
        ({"probabilities": [1.25, -0.25]}, "a probability is negative"),
        ({"probabilities": [0.75, 0.2500001]}, "do not sum to 1"),
        ({"probabilities": [1.0]}, "one probability for each return"),
        ({"returns": [], "probabilities": []}, "at least one return"),
        ({"returns": None}, "column 'returns', row 2 .*missing"),
        ({"horizon": 0}, "at least 1"),
        ({"samples": 0}, "at least 1 verified sample"),
        ({"unverified": -1}, "cannot be negative"),
        ({"unit": "words"}, "in several units"),
        ({"unit": "bytes"}, "must be one of tokens"),
        ({"prompt_id": "a"}, "the same prompt and horizon twice"),
        ({"prompt_id": None}, "column 'prompt_id', row 2 .*missing"),
    ],
)
def test_bad_rows_are_refused_in_one_line(changes: dict[str, object], expected: str) -> None:
    rows = pl.DataFrame([law("a"), law("b") | changes])
    with pytest.raises(TableError, match=expected) as refusal:
        LawTable(rows, "laws.parquet")
    message = str(refusal.value)
    assert message.startswith("laws.parquet: ")
    assert "\n" not in message
    assert message.endswith("make the table again with `verigap laws`")


def test_probabilities_may_be_off_by_rounding_only() -> None:
    thirds = law("a", returns=[0.0, 1.0, 2.0], probabilities=[1 / 3] * 3)
    LawTable(frame(thirds))
    LawTable(frame(law("a", probabilities=[0.75, 0.25 + 9e-10])))
    with pytest.raises(TableError, match="do not sum to 1"):
        LawTable(frame(law("a", probabilities=[0.75, 0.25 + 2e-9])))


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (TWO.drop("unit"), "column 'unit' is missing"),
        (TWO.with_columns(extra=1), "column 'extra' is not part of a law table"),
        (TWO.with_columns(pl.col("horizon").cast(pl.Float64)), "'horizon' holds Float64"),
        (TWO.with_columns(returns=pl.lit(1.0)), "'returns' holds Float64, not lists of numbers"),
        (TWO.with_columns(prompt_id=pl.lit(1)), "'prompt_id' holds Int32, not text"),
        (TWO.with_columns(horizon=pl.lit(2**64 - 1, pl.UInt64)), "out of range"),
        (TWO.clear(), "holds no laws"),
    ],
)
def test_bad_shapes_are_refused(broken: pl.DataFrame, expected: str) -> None:
    with pytest.raises(TableError, match=expected) as refusal:
        LawTable(broken)
    assert "\n" not in str(refusal.value)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "laws.parquet"
    with pytest.raises(TableError, match="no such file"):
        read_law_table(path)
    with pytest.raises(TableError, match="cannot be read"):
        read_law_table(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(TableError, match="is empty"):
        read_law_table(path)
    write_law_table(LawTable(TWO), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="cannot be read as a Parquet file") as refusal:
        read_law_table(path)
    assert "\n" not in str(refusal.value)
