"""Small logs laid out as the tools write them: what comes out is what the tool would say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.llm_validation.importing import HEADER, inspect_sample, run, write_lines
from verigap.llm_validation.importers import ImportOptions, Samples, read_samples
from verigap.storage.tables import TableError


def read(folder: Path, name: str, content: Any, **options: Any) -> Samples:
    """Import a file: rows as Parquet or JSON Lines by its name, anything else as JSON."""
    path = folder / name
    if name.endswith(".parquet"):
        pl.DataFrame(content, infer_schema_length=None, strict=False).write_parquet(path)
    elif name.endswith(".jsonl"):
        write_lines(path, *content)
    else:
        path.write_text(json.dumps(content))
    return read_samples([path], ImportOptions(**options) if options else None)


def verdicts(samples: Samples) -> list[bool | None]:
    return samples.traces.frame["correct"].to_list()


def lm_eval(document: int, *texts: str | None, **more: Any) -> dict[str, Any]:
    arguments = {"gen_args_0": {"arg_0": "Q", "arg_1": {"until": ["Q:"], "do_sample": False}}}
    return {
        "doc_id": document,
        "doc": {},
        "target": "4",
        "arguments": arguments,
        "resps": [list(texts)],
        "filtered_resps": list(texts),
        "filter": "none",
    } | more


SOLUTION = {"task_id": "HumanEval/0", "solution": "return 1"}
CHAT = [{"role": "user", "content": "2+2"}]
LOGS: Mapping[str, tuple[str, str, Any, list[bool | None]]] = {
    "lm-eval, a number as target and a null": (
        "lm-eval",
        "s.jsonl",
        [lm_eval(0, "It is 4.", "It is 5.", None, target=4)],
        [True, False, False],
    ),
    "lm-eval, arguments as a list": (
        "lm-eval",
        "s.jsonl",
        [lm_eval(0, "4\nQ: 5", arguments=[["Q", {"until": ["Q:"]}]], exact_match=1.0)],
        [True],
    ),
    "lm-eval, a flag and a list among the metrics": (
        "lm-eval",
        "s.jsonl",
        [
            lm_eval(
                0,
                "x",
                metrics=["prompt_level_strict_acc", "inst_level_strict_acc"],
                prompt_level_strict_acc=True,
                inst_level_strict_acc=[True, False],
            )
        ],
        [True],
    ),
    "Inspect, flags and a call of a tool": (
        "inspect",
        "log.json",
        {
            **HEADER,
            "samples": [
                inspect_sample("a", 1, "4", scores={"m": {"value": True}}),
                inspect_sample("a", 2, None, scores={"m": {"value": False}}),
            ]
        },
        [True, False],
    ),
    "Inspect, a sample that no scorer saw": (
        "inspect",
        "log.json",
        {
            **HEADER,
            "samples": [
                inspect_sample("a", 1, "4", scores={"m": {"value": "C"}}),
                inspect_sample("a", 2, "4", scores=None),
            ]
        },
        [True, None],
    ),
    "EvalPlus, extra tests left out where the base tests fail": (
        "evalplus",
        "x_eval_results.json",
        {
            "hash": "h",
            "eval": {
                "HumanEval/0": [
                    SOLUTION | {"base_status": "pass", "plus_status": "fail"},
                    SOLUTION | {"base_status": "pass", "plus_status": "pass"},
                    SOLUTION | {"base_status": "timeout", "plus_status": None},
                ]
            },
        },
        [False, True, False],
    ),
    "EvalPlus before 0.2": (
        "evalplus",
        "eval_results.json",
        {
            "hash": "h",
            "eval": {
                "HumanEval/0": {
                    "nfiles": 2,
                    "base": [["pass", []], ["pass", []]],
                    "plus": [["fail", [3]], ["pass", []]],
                }
            },
        },
        [False, True],
    ),
    "LiveCodeBench, questions by name": (
        "livecodebench",
        "custom_eval_results.json",
        {"eval": {"q1": {"code_list": ["a", "b"], "graded_list": [True, False]}}, "pass@1": 0.5},
        [True, False],
    ),
    "TRL, whole rewards": (
        "trl",
        "completions.jsonl",
        [
            {"step": 1, "prompt": "q", "completion": text, "accuracy_reward": reward, "tokens": 9}
            for text, reward in (("4", 1), ("5", 0))
        ],
        [True, False],
    ),
    "TRL, a completion that is null": (
        "trl",
        "completions_00001.parquet",
        [
            {"step": 1, "prompt": CHAT, "completion": text, "accuracy_reward": reward}
            for text, reward in (([{"role": "assistant", "content": "4"}], 1.0), (None, 0.0))
        ],
        [True, False],
    ),
    "verl, an object as right answer": (
        "verl",
        "1.jsonl",
        [
            {"input": "q", "output": "4", "gts": {"target": 4}, "score": 1.0, "step": 1},
            {"input": "q", "output": "5", "gts": {"target": 4}, "score": 0.0, "step": 1},
        ],
        [True, False],
    ),
    "NeMo-Skills, judged in words": (
        "nemo-skills",
        "output-rs0.jsonl",
        [
            {"problem": name, "expected_answer": "4", "generation": "4", "judgement": said}
            for name, said in (("p", "Judgement: Yes"), ("q", "Reasoning: ...\nJudgement: No"))
        ],
        [True, False],
    ),
    "NeMo-Skills, not judged": (
        "nemo-skills",
        "output.jsonl",
        [
            {"problem": name, "expected_answer": "4", "generation": text}
            for name, text in (("p", r"\boxed{4}"), ("q", r"\boxed{5}"))
        ],
        [True, False],
    ),
    "OpenR1, a row that nobody judged": (
        "openr1",
        "data.parquet",
        [
            {"problem": "p", "uuid": "u", "generations": ["4", "5"],
             "correctness_math_verify": [True, False]},
            {"problem": "p", "uuid": "v", "generations": ["4"], "correctness_math_verify": None},
        ],
        [True, False, None],
    ),
    "search-and-learn, beside its aggregates": (
        "search-and-learn",
        "bon.jsonl",
        [
            {"problem": "p", "answer": "4", "completions": [r"\boxed{4}", r"\boxed{5}"],
             "scores": [[0.1, 0.9], [0.2]], "completion_tokens": [5, 6], "agg_scores": [0.9, 0.2]}
        ],
        [True, False],
    ),
    "simple-evals, a score in words": (
        "simple-evals",
        "x_allresults.json",
        {
            "score": 0.5,
            "htmls": ["<p>Score: 1.0</p>", "<p>Score: False</p>"],
            "convos": [[*CHAT, {"role": "assistant", "content": text}] for text in "45"],
        },
        [True, False],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_what_tools_write(tmp_path: Path, name: str) -> None:
    form, file, content, wanted = LOGS[name]
    samples = read(tmp_path, file, content)
    assert samples.form == form
    assert verdicts(samples) == wanted


ANSWERS = {"r1": "4", "r2": "4"}
BATCHES: Mapping[str, tuple[str, Any, list[bool | None]]] = {
    "text of a message of Anthropic": (
        "anthropic-batch",
        [
            {"custom_id": name, "result": {"type": "succeeded", "message": {"content": text}}}
            for name, text in (("r1", "It is 4"), ("r2", "It is 5"))
        ],
        [True, False],
    ),
    "a call of a tool in place of an answer": (
        "openai-batch",
        [
            {"custom_id": "r1", "response": {"body": {"choices": [
                {"message": {"content": None, "tool_calls": [{"id": "c"}]},
                 "finish_reason": "tool_calls"}]}}},
            {"custom_id": "r2", "response": {"body": {"choices": [
                {"message": {"content": "4"}, "finish_reason": "stop"}]}}},
        ],
        [False, True],
    ),
    "reasoning that used up all tokens": (
        "openai-batch",
        [
            {"custom_id": "r1", "response": {"body": {
                "object": "response", "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
                "output": [{"type": "reasoning", "summary": []}]}}},
            {"custom_id": "r2", "response": {"body": {
                "object": "response", "status": "completed",
                "output": [{"type": "message", "content": [
                    {"type": "output_text", "text": "So 4"}]}]}}},
        ],
        [False, True],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_what_servers_reply(tmp_path: Path, name: str) -> None:
    form, lines, wanted = BATCHES[name]
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(ANSWERS))
    samples = read(tmp_path, "batch.jsonl", lines, answers=answers)
    assert samples.form == form
    assert verdicts(samples) == wanted


def test_a_damaged_results_file_of_evalplus_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"r\.json, HumanEval/0: eval is 'x', not a list"):
        read(tmp_path, "r.json", {"hash": "h", "eval": {"HumanEval/0": "x"}})


def test_lists_in_a_table_ask_for_explode(tmp_path: Path) -> None:
    rows = [{"question": "q", "gold": "4", "responses": ["4", "5"]}]
    says = "`mapping` prompt_id=question `mapping` target=gold `mapping` text=responses `explode`;"
    with pytest.raises(ValueError, match=says):
        read(tmp_path, "t.jsonl", rows)
    mapping = {"prompt_id": "question", "target": "gold", "text": "responses"}
    samples = read(tmp_path, "t.jsonl", rows, mapping=mapping, explode=True)
    assert verdicts(samples) == [True, False]


@pytest.mark.parametrize(("stated", "agrees"), [(0.5, True), (0.9, False)])
def test_the_pass_at_1_of_evalplus_stands_beside_ours(
    tmp_path: Path, stated: float, agrees: bool
) -> None:
    solutions = [{"base_status": "pass", "plus_status": None}, {"base_status": "fail"}]
    content = {"eval": {"HumanEval/0": solutions}, "pass_at_k": {"base": {"pass@1": stated}}}
    path = tmp_path / "m_eval_results.json"
    path.write_text(json.dumps(content))
    report = run("evalplus", tmp_path, path, metric="base").report
    (harness,) = report.harness
    assert (harness.stated, harness.found, harness.agrees) == (stated, 0.5, agrees)
