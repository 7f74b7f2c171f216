from pathlib import Path

import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.storage.tables import TableError


def test_completions_with_their_scores(tmp_path: Path) -> None:
    done = run("search-and-learn", tmp_path, "search_and_learn.jsonl")
    one, two = "test/prealgebra/1.json", "test/algebra/2.json"
    assert done.rows("prompt_id", "sample_id", "correct", "n_tokens", "verifier_score") == [
        (one, 0, True, 21, 0.95),
        (one, 1, False, 17, 0.5),
        (one, 2, False, 1, None),
        (two, 0, True, 9, 0.75),
        # Equal as mathematics.
        (two, 1, True, 8, 0.5),
    ]
    assert done.report.unit == "tokens"


@pytest.mark.parametrize(("score", "second"), [("last", 0.5), ("min", 0.25), ("prod", 0.0625)])
def test_folds_of_the_scores_of_steps(tmp_path: Path, score: str, second: float) -> None:
    done = run("search-and-learn", tmp_path, "search_and_learn.jsonl", score=score)
    assert done.column("verifier_score")[1] == second


def test_unknown_token_counts_are_words(tmp_path: Path) -> None:
    record = {"problem": "p", "completions": ["a b c"], "completion_tokens": [-1], "scores": [0.5]}
    done = run("search-and-learn", tmp_path, write_lines(tmp_path / "s.jsonl", record))
    assert done.rows("prompt_id", "n_tokens", "unit", "verifier_score") == [("p", 3, "words", 0.5)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"completions": [1]}, "completion 1 is 1, not text"),
        ({"scores": [[0.5], [0.5]]}, "scores has 2 entries for 1 samples"),
        ({"scores": [["high"]]}, "a step's score is 'high', not a number"),
        ({"completion_tokens": [-7]}, "cannot be negative"),
        ({"completion_tokens": [1.5]}, "not a whole number"),
        ({"problem": None}, "'unique_id' is missing"),
    ],
)
def test_bad_records(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    record = {"problem": "p", "completions": ["a"]} | changes
    with pytest.raises(TableError, match=says):
        run("search-and-learn", tmp_path, write_lines(tmp_path / "s.jsonl", record))


def test_an_unknown_fold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="score: unknown 'mean'"):
        run("search-and-learn", tmp_path, "search_and_learn.jsonl", score="mean")
