from pathlib import Path

import pytest

from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.storage.tables import TableError


@pytest.mark.parametrize("file", ["monkeys.jsonl", "monkeys.json"])
def test_records_of_the_published_data_set(tmp_path: Path, file: str) -> None:
    done = run("monkeys", tmp_path, file, dataset="GSM8K", model="tiny")
    assert done.rows("prompt_id", "sample_id", "correct", "answer_canonical") == [
        ("test/11", 0, True, "2"),
        ("test/11", 1, False, "4"),
        ("test/11", 2, True, "2"),
        ("test/12", 0, True, "49"),
        ("test/12", 1, False, "40"),
        ("test/12", 2, False, "50"),
    ]
    assert done.column("answer")[2] == "2.0"
    assert done.report.decided_by == {"is_corrects": 6}
    assert done.report.prompts == 2


def test_one_yaml_file_a_problem_before_its_evaluation(tmp_path: Path) -> None:
    done = run("monkeys", tmp_path, "problem_7.yaml")
    # Scalars stay as they are written: no sexagesimal 90, no false, no octal.
    assert done.rows("prompt_id", "text", "correct") == [
        ("problem_7", "Adding nothing changes nothing.\n#### 7", True),
        ("problem_7", "1:30", False),
        ("problem_7", "no", False),
    ]


def test_yaml_after_its_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "3.yaml"
    path.write_text("samples: [a, b, c]\nis_correct: [true, false, null]\n")
    assert run("monkeys", tmp_path, path).column("correct") == [True, False, None]


def test_problems_without_a_name_are_numbered_over_all_files(tmp_path: Path) -> None:
    one = write_lines(tmp_path / "1.jsonl", {"samples": ["a"]}, {"samples": ["b"]})
    two = write_lines(tmp_path / "2.json", {"samples": ["c"]})
    assert run("monkeys", tmp_path, one, two).column("prompt_id") == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.yaml", "samples: [a", r"a\.yaml, line \d: not valid YAML"),
        ("a.yaml", "[" * 100_000, "not valid YAML"),
        ("a.yaml", "- 1\n", "another YAML value"),
        ("a.yaml", "samples: [\x00]", "not valid YAML"),
        ("a.yaml", "samples: [a]\nis_correct: [maybe]\n", "neither true, false nor null"),
        ("a.json", '[{"samples": ["a"]}, {"samples"', "record 2: not valid JSON"),
        ("a.json", "[" * 100_000, "record 1: not valid JSON"),
        ("a.json", "[1]", "a JSON number where an object"),
        ("a.json", '{"samples": "a"}', "samples is 'a', not a list"),
        ("a.json", '{"samples": ["a"], "is_corrects": [true, false]}', "2 entries for 1 samples"),
        ("a.json", '{"question": "?"}', "field 'samples' is missing"),
        ("a.json", "", "holds no samples"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TableError, match=says):
        run("monkeys", tmp_path, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_yaml_bomb_stays_small(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join([*lines, "samples: *a59"]))
    with pytest.raises(TableError, match="sample 1 is a list of 2, not text"):
        run("monkeys", tmp_path, path)


def test_the_fixture_is_the_same_data_twice(tmp_path: Path) -> None:
    first, second = (run("monkeys", tmp_path, f"monkeys.{end}") for end in ("json", "jsonl"))
    assert first.frame.drop("source").equals(second.frame.drop("source"))
    assert (FIXTURES / "monkeys.json").read_text().startswith("[\n")
