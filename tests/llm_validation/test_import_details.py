"""Single fields of logs of tools: what is read from them, and where a message says that it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import FIXTURES, Imported, run, write_lines
from verigap.llm_validation.importers import choose_format
from verigap.llm_validation.importers.grading import Grader

TALK = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]
# One document of lighteval in each of its layouts.
DOC = {"id": "a", "query": "1 + 1?", "choices": ["2"], "gold_index": 0}
REPLY = {"text": ["2"], "output_tokens": [[5, 6]]}
LAYOUTS: dict[str, dict[str, Any]] = {
    "now": {"doc": DOC, "model_response": REPLY, "metric": {"em": 1.0}},
    "underscores": {"__doc__": DOC, "__model_response__": REPLY, "__metric__": {"em": 1.0}},
    "flat": {"predictions": ["2"], "gold": ["2"], "metrics": {"em": 1.0}, "example": "1 + 1?",
             "cont_tokens": [[5, 6]]},
}  # fmt: skip


def helm(folder: Path, tokens: object) -> Imported:
    """The fixture of HELM, whose first completion has these tokens."""
    for name in ("per_instance_stats.json", "scenario_state.json"):
        content = json.loads((FIXTURES / "tools" / "handmade" / "helm" / name).read_text())
        if name == "scenario_state.json":
            content["request_states"][0]["result"]["completions"][0]["tokens"] = tokens
        (folder / name).write_text(json.dumps(content))
    return run("helm", folder, folder / "scenario_state.json")


def test_helm_counts_the_tokens_that_it_lists(tmp_path: Path) -> None:
    assert helm(tmp_path, [{"text": "a"}, {"text": "b"}]).rows("unit", "n_tokens")[0] == (
        "tokens", 2,
    )  # fmt: skip
    # No list, or nothing in it: words are counted, of which the first completion has none.
    for tokens in ([], None, "ab", {"a": 1}):
        assert helm(tmp_path, tokens).rows("unit", "n_tokens")[0] == ("words", 0)


def simple_evals(folder: Path, *pages: str, **options: Any) -> Imported:
    path = folder / "x_allresults.json"
    path.write_text(json.dumps({"htmls": pages, "convos": [TALK for _ in pages]}))
    return run("simple-evals", folder, path, **options)


def test_the_score_of_a_page_is_its_last(tmp_path: Path) -> None:
    pages = ("<pre><p>Score: 0.25</p></pre><p>Score: 0.75</p>", "<p>Score: 0.5</p>")
    done = simple_evals(tmp_path, *pages, correct_above=0.6)
    assert done.column("correct") == [True, False]
    assert done.report.correct_above == {"0.5": 0.5}


def test_conversations_count_from_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"conversation 2: .* shows no score"):
        simple_evals(tmp_path, "<p>Score: 1.0</p>", "<p>none</p>")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_lighteval(tmp_path: Path, layout: str) -> None:
    path = write_lines(tmp_path / "details.jsonl", LAYOUTS[layout])
    assert choose_format(None, [path]) == "lighteval"
    assert run("lighteval", tmp_path, path).rows("correct", "n_tokens") == [(True, 2)]
    # Half of a layout is none.
    half = dict(list(LAYOUTS[layout].items())[:1])
    with pytest.raises(ValueError, match="of no format known here"):
        choose_format(None, [write_lines(tmp_path / "half.jsonl", half)])


def test_a_bad_document_does_not_hide_the_metric(tmp_path: Path) -> None:
    bad = LAYOUTS["now"] | {"doc": 3}
    path = write_lines(tmp_path / "details.jsonl", bad, LAYOUTS["now"])
    done = run("lighteval", tmp_path, path, skip_bad=True)
    assert done.report.skipped == 1
    assert done.report.decided_by == {"metric em": 1}


def test_graders_are_asked_for_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def settle(_: Grader, pending: Sequence[tuple[str, tuple[str, ...]]]) -> list[bool | None]:
        asked.extend(pending)
        return [True for _ in pending]

    monkeypatch.setattr(Grader, "settle", settle)
    row = {"prompt_id": "a", "target": "x^2 - 1", "text": r"so \boxed{(x-1)(x+1)}"}
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", row))
    assert asked == [("(x-1)(x+1)", ("x^2 - 1",))]
    assert done.column("correct") == [True]


@pytest.mark.parametrize("given", [{"n_tokens": 4}, {"n_tokens": 4, "first_correct": 2},
                                   {"first_correct": 2}])  # fmt: skip
def test_lengths_without_a_text_keep_their_unit(tmp_path: Path, given: dict[str, int]) -> None:
    counted = {"prompt_id": "a", "correct": True, "text": "just three words"}
    path = write_lines(tmp_path / "t.jsonl", counted, {"prompt_id": "a", "correct": True} | given)
    with pytest.raises(ValueError, match="line 2: its length counts tokens, where the table count"):
        run("table", tmp_path, path)
