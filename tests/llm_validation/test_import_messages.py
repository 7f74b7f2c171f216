"""What an import says of columns that are missing, and of samples that do not belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.llm_validation.importers import choose_format

ROW = {"question": "1+1", "is_correct": True, "length": 7, "completion": "2"}


@pytest.mark.parametrize(
    ("row", "mapping", "says"),
    [
        (
            ROW,
            {},
            "'prompt_id' is missing .*length, comp.*; `mapping` prompt_id=question says",
        ),
        (
            ROW,
            {"prompt_id": "question"},
            "'correct' is missing .*`mapping` correct=is_correct says",
        ),
        (
            ROW,
            {"prompt_id": "question", "correct": "is_corect"},
            "'is_corect' is missing .*; `mapping` correct=is_correct says",
        ),
        (
            {"prompt_id": "a", "Correct": 1},
            {},
            "'correct' is missing .*; `mapping` correct=Correct says",
        ),
        (
            {"prompt_id": "a", "metrics": {"em": 1}},
            {"correct": "metrics.exact"},
            "'metrics.exact' is missing",
        ),
        ({"prompt_id": "a", "zzz": 1}, {}, "`mapping` correct=COLUMN says"),
    ],
)
def test_a_missing_column(
    tmp_path: Path, row: dict[str, Any], mapping: dict[str, str], says: str
) -> None:
    path = write_lines(tmp_path / "t.jsonl", row)
    with pytest.raises(ValueError, match=says) as refusal:
        run("table", tmp_path, path, mapping=mapping)
    assert "\n" not in str(refusal.value)


GOOD = {
    "evalplus": {"hash": "h", "eval": {"HumanEval/0": [{"base_status": "pass"}]}},
    "simple-evals": {"htmls": [], "convos": []},
}


@pytest.mark.parametrize(
    ("form", "wrong", "says"),
    [
        ("evalplus", {"hash": "h", "eval": 3}, "eval is 3, not an object"),
        ("simple-evals", {"htmls": [], "convos": 3}, "convos is 3, not a list"),
    ],
)
@pytest.mark.parametrize("order", ["the wrong one first", "the wrong one last"])
def test_what_is_wrong_with_a_file_names_it(
    tmp_path: Path, form: str, wrong: dict[str, Any], says: str, order: str
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(GOOD[form]))
    bad.write_text(json.dumps(wrong))
    paths = (bad, good) if order.endswith("first") else (good, bad)
    with pytest.raises(ValueError, match=f"^{bad}: {says}; check the file$"):
        run(form, tmp_path, *paths)


@pytest.mark.parametrize("given", ["per_instance_stats.json", "scenario_state.json"])
@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ("per_instance_stats.json", "stats", "stats is 3, not a list"),
        ("per_instance_stats.json", "train_trial_index", "train_trial_index"),
        ("scenario_state.json", "request_states", "request_states is 3, not a list"),
    ],
)
def test_of_two_files_that_are_read_together_the_wrong_one_is_named(
    tmp_path: Path, given: str, wrong: str, field: str, says: str
) -> None:
    for name in ("per_instance_stats.json", "scenario_state.json"):
        content = json.loads((FIXTURES / "tools" / "handmade" / "helm" / name).read_text())
        if name == wrong:
            (content[0] if isinstance(content, list) else content)[field] = (
                "x" if field == "train_trial_index" else 3
            )
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"^{tmp_path / wrong}: {says}"):
        run("helm", tmp_path, tmp_path / given)


def test_a_length_that_is_not_read_is_noted(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", ROW)
    mapping = {"prompt_id": "question", "correct": "is_correct"}
    assert (
        "`mapping` n_tokens=length" in run("table", tmp_path, path, mapping=mapping).report.notes[0]
    )
    done = run("table", tmp_path, path, mapping=mapping | {"n_tokens": "length"})
    assert done.report.notes == ()
    assert done.column("n_tokens") == [7]


def test_nested_columns_and_chats(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": [{"text": "2"}]}]
    row = {"doc": {"id": 3}, "out": chat, "metrics": {"em@1.5": 1, "x": {"y": 0}}}
    path = write_lines(tmp_path / "t.jsonl", row)
    mapping = {"prompt_id": "doc.id", "text": "out", "correct": "metrics.em@1.5"}
    done = run("table", tmp_path, path, mapping=mapping)
    assert done.rows("prompt_id", "text", "correct") == [("3", "2", True)]
    done = run("table", tmp_path, path, mapping=mapping | {"correct": "metrics.x.y"})
    assert done.column("correct") == [False]


LISTS = {"id": "a", "outs": ["x", "y", "z"], "ok": [True, False, None], "gold": "1"}
MAPPING = {"prompt_id": "id", "text": "outs", "correct": "ok"}


def test_lists_become_samples(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", LISTS)
    done = run("table", tmp_path, path, mapping=MAPPING, explode=True)
    assert done.rows("prompt_id", "sample_id", "text", "correct") == [
        ("a", 0, "x", True), ("a", 1, "y", False), ("a", 2, "z", None),
    ]  # fmt: skip
    pl.DataFrame([LISTS]).write_parquet(tmp_path / "t.parquet")
    again = run("table", tmp_path, tmp_path / "t.parquet", mapping=MAPPING, explode=True)
    assert again.frame.drop("source").equals(done.frame.drop("source"))


@pytest.mark.parametrize(
    ("row", "options", "says"),
    [
        (LISTS, {}, "outs is a list of 3, not text; `explode` makes one sample of each entry"),
        (LISTS | {"ok": [True]}, {"explode": True}, r"differ in length \(ok has 1, outs has 3\)"),
        (LISTS | {"outs": "x", "ok": 1}, {"explode": True}, "no column .* a list; drop `explode`"),
    ],
)
def test_lists_that_do_not_fit(
    tmp_path: Path, row: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    path = write_lines(tmp_path / "t.jsonl", row)
    with pytest.raises(ValueError, match=says):
        run("table", tmp_path, path, mapping=MAPPING, **options)


def test_repeated_texts_are_counted(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": prompt, "correct": True, "text": text}
        for prompt in "ab"
        for text in ("same", "same", "same", "other", "", "")
    ]
    path = write_lines(tmp_path / "t.jsonl", *rows)
    for keep_text in (True, False):
        report = run("table", tmp_path, path, keep_text=keep_text).report
        assert report.repeated_texts == 4
        assert "4 of 8 texts (50%) repeat an earlier one" in report.notes[0]


def test_whole_numbers_written_as_decimals_are_pointed_out(tmp_path: Path) -> None:
    files = [FIXTURES / f"cases/csv-encodings/floatids_{part}.csv" for part in "ab"]
    report = run("table", tmp_path, *files).report
    assert report.prompts == 4
    assert any("2 prompts are there in several spellings" in note for note in report.notes)


def request(name: str, temperature: float | None) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "1+1"}], "temperature": temperature}
    return {"custom_id": name, "body": body}


def response(name: str, text: str) -> dict[str, Any]:
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return {"custom_id": name, "response": {"body": {"choices": [choice]}}}


def test_requests_at_other_temperatures_are_other_groups(tmp_path: Path) -> None:
    asked = write_lines(tmp_path / "r.jsonl", request("a", 0.2), request("b", 1.0))
    said = write_lines(tmp_path / "o.jsonl", response("a", "2"), response("b", "3"))
    done = run("openai-batch", tmp_path, asked, said, model="m")
    assert done.column("model") == ["m, temperature 0.2", "m, temperature 1"]
    asked = write_lines(tmp_path / "r.jsonl", request("a", 1.0), request("b", 1.0))
    assert run("openai-batch", tmp_path, asked, said, model="m").column("model") == ["m", "m"]


def test_runs_at_other_temperatures_do_not_pool(tmp_path: Path) -> None:
    (log,) = (FIXTURES / "tools/lm_eval/own_gsm8k").glob("samples_*")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        line["arguments"]["gen_args_0"]["arg_1"]["temperature"] = 0.3
    hot = write_lines(tmp_path / "hot.jsonl", *lines)
    for line in lines:
        line["arguments"]["gen_args_0"]["arg_1"]["temperature"] = 0.9
    hotter = write_lines(tmp_path / "hotter.jsonl", *lines)
    done = run("lm-eval", tmp_path, hot, hotter, pool_runs=True, model="m")
    assert set(done.column("model")) == {"m, temperature 0.3", "m, temperature 0.9"}
    assert done.frame.group_by("model").len()["len"].to_list() == [5, 5]
    said = [note for note in done.report.notes if "different temperature" in note]
    assert len(said) == 1
    assert "are groups of their own" in said[0]


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ({"one_reward": 1.0, "two_reward": 0.0}, r"several scores .*\(one_reward, two_reward\)"),
        ({"accuracy_reward": 0.5}, "accuracy_reward is 0.5, neither right"),
    ],
)
def test_a_reward_that_cannot_decide(tmp_path: Path, scores: dict[str, float], says: str) -> None:
    row = {"step": 1, "prompt": "1+1", "completion": "2", "advantage": 0.1, **scores}
    path = write_lines(tmp_path / "t.jsonl", row)
    assert choose_format(None, [path]) == "trl"
    with pytest.raises(ValueError, match=says):
        run("trl", tmp_path, path)
    with pytest.raises(ValueError, match="the log has no 'nosuch'; it has"):
        run("trl", tmp_path, path, metric="nosuch")
    assert run("trl", tmp_path, path, metric=next(iter(scores)), correct_above=0.4).report.correct


def test_messages_of_odd_shapes_are_no_crash(tmp_path: Path) -> None:
    odd = [{"role": ["assistant"], "content": "2"}, {"role": None, "content": None}]
    row = {"step": 1, "prompt": "1+1", "completion": odd, "accuracy_reward": 1.0}
    done = run("trl", tmp_path, write_lines(tmp_path / "t.jsonl", row))
    assert done.column("text") == ["2"]
    wrong = {"doc": {"id": "a"}, "model_response": {"text": ["x"]}, "metric": [1]}
    path = write_lines(tmp_path / "l.jsonl", wrong)
    with pytest.raises(ValueError, match="line 1: metric is a list of 1, not an object"):
        run("lighteval", tmp_path, path)
    line = {"evaluation_id": "e", "sample_id": "a", "evaluation": {"score": 1.0}}
    path = write_lines(tmp_path / "e.jsonl", line | {"evaluation_result_id": ["x"]})
    assert run("every-eval-ever", tmp_path, path).column("correct") == [True]
