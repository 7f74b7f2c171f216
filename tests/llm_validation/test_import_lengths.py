import importlib.util
import json
from pathlib import Path

import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.traces import load_traces
from verigap.storage.tables import TableError

COUNTED = {"prompt_id": "a", "correct": True, "n_tokens": 4, "text": "two words"}
UNCOUNTED = {"prompt_id": "a", "correct": True, "text": "just three words"}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (None, [("words", 3), ("words", 3)]),
        ("words", [("words", 3), ("words", 3)]),
        ("characters", [("characters", 16), ("characters", 16)]),
    ],
)
def test_texts_without_a_count(
    tmp_path: Path, unit: str | None, expected: list[tuple[str, int]]
) -> None:
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED, UNCOUNTED)
    assert run("table", tmp_path, path, unit=unit).rows("unit", "n_tokens") == expected


def test_the_first_sample_settles_the_unit(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED, COUNTED)
    done = run("table", tmp_path, path)
    assert done.rows("unit", "n_tokens") == [("words", 3), ("words", 2)]
    assert "lengths that are given for 1 samples are not used" in done.report.warnings[0]
    assert run("table", tmp_path, path, unit="words").report.warnings == ()
    done = run("table", tmp_path, path, unit="tokens")
    assert done.rows("unit", "n_tokens") == [("tokens", None), ("tokens", 4)]
    path = write_lines(tmp_path / "t.jsonl", COUNTED, UNCOUNTED)
    done = run("table", tmp_path, path)
    assert done.rows("unit", "n_tokens") == [("tokens", 4), ("tokens", None)]
    assert done.report.unknown_lengths == 1


def test_positions_cannot_change_their_unit(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED, COUNTED | {"first_correct": 2})
    with pytest.raises(TableError, match="line 2: its length counts tokens, where the table"):
        run("table", tmp_path, path)


def test_a_table_may_say_its_unit(tmp_path: Path) -> None:
    row = COUNTED | {"first_correct": 2}
    path = write_lines(tmp_path / "t.jsonl", row | {"unit": "words"})
    assert run("table", tmp_path, path).rows("unit", "first_correct") == [("words", 2)]
    path = write_lines(tmp_path / "t.jsonl", row)
    done = run("table", tmp_path, path, unit="characters")
    assert done.rows("unit", "first_correct") == [("characters", 2)]


def test_the_unit_reaches_the_laws(tmp_path: Path) -> None:
    run("monkeys", tmp_path, "monkeys.jsonl")
    table, report = reward_laws(load_traces(tmp_path / "out.parquet"), [8])
    assert set(table.frame["unit"]) == {"words"}
    assert report.units == ("words",)


def test_text_can_be_left_out_after_it_is_measured(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED)
    done = run("table", tmp_path, path, keep_text=False)
    assert done.rows("text", "n_tokens") == [(None, 3)]


def test_unknown_units_and_needless_tokenizers(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED)
    with pytest.raises(ValueError, match="unit: unknown 'bytes'"):
        run("table", tmp_path, path, unit="bytes")
    with pytest.raises(ValueError, match="tokenizer: of no use with `unit` words"):
        run("table", tmp_path, path, unit="words", tokenizer=path)
    assert run("table", tmp_path, path, unit="tokens").report.unknown_lengths == 1


def test_a_tokenizer_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED)
    with pytest.raises(TableError, match="pip install tokenizers"):
        run("table", tmp_path, path, tokenizer=tmp_path / "tokenizer.json")


def test_a_tokenizer_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED)
    for missing in (tmp_path / "tokenizer.json", tmp_path):
        with pytest.raises(TableError, match=f"^{missing}: no such file; give the path of a tok"):
            run("table", tmp_path, path, tokenizer=missing)


@pytest.mark.readers
def test_tokens_are_counted_by_a_tokenizer(tmp_path: Path) -> None:
    tokenizer = tmp_path / "tokenizer.json"
    # Cuts at white space and at every "r".
    tokenizer.write_text(
        json.dumps(
            {
                "version": "1.0",
                "truncation": {
                    "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0,
                },
                "padding": None,
                "added_tokens": [],
                "normalizer": None,
                "pre_tokenizer": {
                    "type": "Sequence",
                    "pretokenizers": [
                        {"type": "Whitespace"},
                        {
                            "type": "Split",
                            "pattern": {"String": "r"},
                            "behavior": "Isolated",
                            "invert": False,
                        },
                    ],
                },
                "post_processor": None,
                "decoder": None,
                "model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"},
            }
        )
    )  # fmt: skip
    path = write_lines(tmp_path / "t.jsonl", UNCOUNTED, COUNTED)
    done = run("table", tmp_path, path, tokenizer=tokenizer)
    # just th r ee wo r ds; the source's own count stands.
    assert done.rows("unit", "n_tokens") == [("tokens", 7), ("tokens", 4)]
    tokenizer.write_text("{}")
    with pytest.raises(TableError, match=r"not a tokenizer\.json"):
        run("table", tmp_path, path, tokenizer=tokenizer)
    with pytest.raises(TableError, match="no such file"):
        run("table", tmp_path, path, tokenizer=tmp_path / "none.json")
