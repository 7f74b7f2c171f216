"""Small logs that the tools themselves wrote: every sample has the verdict of its own harness."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import (
    FIXTURES,
    Imported,
    inspect_log,
    inspect_sample,
    run,
    write_lines,
)
from verigap.llm_validation.importers import choose_format

TOOLS = FIXTURES / "tools"


def expected(tool: str, name: str) -> dict[str, Any]:
    """What a fixture's maker says of it."""
    return json.loads((TOOLS / tool / "expected.json").read_text())[name]


def imported(folder: Path, *files: str | Path, **options: Any) -> Imported:
    """Import files in the format that they are recognised as."""
    paths = [TOOLS / file for file in files]
    return run(choose_format(None, paths), folder, *paths, **options)


def by_prompt(done: Imported) -> dict[str, list[bool | None]]:
    """Verdicts by prompt, in the order of their samples."""
    found: dict[str, list[bool | None]] = {}
    for prompt, _, correct in sorted(done.rows("prompt_id", "sample_id", "correct"), key=key):
        found.setdefault(prompt, []).append(correct)
    return found


def key(row: tuple[Any, ...]) -> tuple[str, int]:
    return row[0], row[1]


def wanted(samples: list[dict[str, Any]], name: str = "prompt_id") -> dict[str, list[bool | None]]:
    """The same of what the maker expects; prompts may be named by another field."""
    found: dict[str, list[bool | None]] = {}
    for sample in sorted(samples, key=lambda s: (str(s[name]), s["sample"])):
        found.setdefault(str(sample[name]), []).append(sample["correct"])
    return found


HAND = "handmade"
NEMO = [f"handmade/nemo_skills/output-rs{seed}.jsonl" for seed in range(4)]
EXPECTED: list[tuple[str, str, list[str], dict[str, Any]]] = [
    ("evalplus", "own_eval_results.json", ["evalplus/own_eval_results.json"], {}),
    (
        "evalplus",
        "own_base_only_eval_results.json",
        ["evalplus/own_base_only_eval_results.json"],
        {},
    ),
    (HAND, "nemo_skills", NEMO, {}),
    (HAND, "verl", ["handmade/verl/100.jsonl"], {}),
    (HAND, "dapo", ["handmade/verl/dapo_100.jsonl"], {}),
    (HAND, "dapo", ["handmade/verl/dapo_100.jsonl"], {"correct_above": 0.0}),
    (HAND, "openr1", ["handmade/openr1/train-00000-of-00001.parquet"], {}),
    (
        HAND,
        "search_and_learn (parquet)",
        ["handmade/search_and_learn/train-00000-of-00001.parquet"],
        {},
    ),
    (
        HAND,
        "search_and_learn (jsonl)",
        ["handmade/search_and_learn/best_of_n_completions.jsonl"],
        {},
    ),
    (HAND, "qwen_math", ["handmade/qwen_math/test_qwen25-math-cot_-1_seed0_t1.0_s0_e-1.jsonl"], {}),
    (
        HAND,
        "livecodebench eval_all",
        ["handmade/livecodebench/Scenario.codegeneration_4_0.2_eval_all.json"],
        {},
    ),
    (
        HAND,
        "livecodebench custom evaluator",
        ["handmade/livecodebench/custom_eval_results.json"],
        {},
    ),
    (HAND, "livecodebench rows", ["handmade/livecodebench/rows.jsonl"], {}),
    (
        HAND,
        "simple_evals",
        ["handmade/simple_evals/math_own-model_20260501_100000_allresults.json"],
        {},
    ),
    (
        HAND,
        "helm",
        ["handmade/helm/per_instance_stats.json", "handmade/helm/scenario_state.json"],
        {},
    ),
    ("verifiers", "reward_is_correct", ["verifiers/reward_is_correct/results.jsonl"], {}),
    ("verifiers", "weighted_reward", ["verifiers/weighted_reward/results.jsonl"], {}),
    ("verifiers", "empty_replies", ["verifiers/empty_replies/results.jsonl"], {}),
]


@pytest.mark.parametrize(("tool", "name", "files", "options"), EXPECTED)
def test_verdicts_are_those_of_the_harness(
    tmp_path: Path, tool: str, name: str, files: list[str], options: dict[str, Any]
) -> None:
    done = imported(tmp_path, *files, **options)
    assert by_prompt(done) == wanted(expected(tool, name)["samples"])


@pytest.mark.parametrize("name", ["plain", "signed", "chat", "chat_unreadable_gold"])
def test_steps_of_trl_are_groups(tmp_path: Path, name: str) -> None:
    facts = expected("trl", name)
    options = {"correct_above": 0.0} if name == "signed" else {}
    files = [f"trl/{name}/completions_0000{step}.parquet" for step in (1, 2)]
    done = imported(tmp_path, *files, **options)
    assert done.report.groups[0]["model"] == "step 1"
    assert set(done.column("model")) == {"step 1", "step 2"}
    assert by_prompt(done) == wanted(facts["samples"])
    for step in (1, 2):
        verdicts = done.frame.filter(done.frame["model"] == f"step {step}")["correct"].drop_nulls()
        mean = facts["aggregate"][str(step)][f"rewards/{facts['column']}/mean"]
        assert verdicts.mean() == (mean + 1) / 2 if name == "signed" else mean


BATCHES = [
    ("chat", ["chat_output", "chat_requests"], 2),
    ("chat_n4", ["chat_n4_output"], 2),
    ("completions", ["completions_output"], 0),
    ("responses", ["responses_output"], 3),
    ("anthropic", ["anthropic_results"], 3),
]


@pytest.mark.parametrize(("name", "files", "left_out"), BATCHES)
def test_batches(tmp_path: Path, name: str, files: list[str], left_out: int) -> None:
    paths = [f"batches/{file}.jsonl" for file in files]
    done = imported(tmp_path, *paths, answers=TOOLS / "batches/answers.jsonl")
    found, samples = by_prompt(done), expected("batches", name)["samples"]
    if name == "chat":
        found = {prompt.rpartition("-")[0]: verdicts for prompt, verdicts in found.items()}
        right = Counter(s["prompt_id"].rpartition("-")[0] for s in samples if s["correct"])
        assert {prompt: sum(map(bool, v)) for prompt, v in found.items() if any(v)} == right
    else:
        assert found == wanted(samples)
    assert done.report.left_out == ({"a request that failed": left_out} if left_out else {})


@pytest.mark.parametrize("name", ["saved_responses", "saved_chat_completions"])
def test_saved_objects_are_named_by_the_server(tmp_path: Path, name: str) -> None:
    samples = expected("batches", name)["samples"]
    done = imported(tmp_path, f"batches/{name}.jsonl")
    assert set(by_prompt(done)) == {sample["prompt_id"] for sample in samples}
    assert done.report.ungraded == len(samples)


def test_the_thoughts_of_a_model_are_no_answer(tmp_path: Path) -> None:
    done = imported(tmp_path, "batches/anthropic_results.jsonl")
    texts = dict(zip(done.column("prompt_id"), done.column("text"), strict=True))
    thinking = [prompt for prompt, text in texts.items() if r"\boxed{7}" in text]
    assert thinking
    answers = dict(zip(done.column("prompt_id"), done.column("answer"), strict=True))
    assert all(answers[prompt] != "7" for prompt in thinking)


LIGHTEVAL = sorted(
    path.relative_to(TOOLS).as_posix() for path in TOOLS.glob("lighteval/*/details_*.parquet")
)


@pytest.mark.parametrize("file", LIGHTEVAL)
def test_details_of_lighteval(tmp_path: Path, file: str) -> None:
    facts = {
        entry["file"].rpartition("/")[2] + name.partition("/")[0] * ("/" in name): entry
        for name, entry in json.loads((TOOLS / "lighteval/expected.json").read_text()).items()
    }
    folder, _, name = file.removeprefix("lighteval/").partition("/")
    layout = folder if "layout" in folder else ""
    done = imported(tmp_path, file)
    found = by_prompt(done)
    if layout == "flat_layout":
        # Documents have no id there; the text of the prompt stands for it.
        assert sorted(map(str, found.values())) == sorted(
            map(str, wanted(facts[name + layout]["samples"]).values())
        )
    else:
        assert found == wanted(facts[name + layout]["samples"], "doc_id")


@pytest.mark.parametrize(
    ("name", "metric", "accuracy"),
    [
        ("lm_eval_own_gsm8k", "exact_match:strict-match", 0.4),
        ("lm_eval_own_gsm8k", "exact_match:flexible-extract", 0.6),
        ("lm_eval_own_minerva", "exact_match", 2 / 7),
        ("lm_eval_own_minerva", None, 3 / 7),
        ("lm_eval_own_aime", None, 0.2),
        ("inspect_json_log", None, 0.375),
        ("inspect_dict_score_json", None, 0.375),
    ],
)
def test_every_eval_ever(tmp_path: Path, name: str, metric: str | None, accuracy: float) -> None:
    done = imported(tmp_path, f"every_eval_ever/{name}_samples.jsonl", metric=metric)
    assert done.report.correct / done.report.samples == pytest.approx(accuracy)
    assert all(stated.agrees for stated in done.report.harness)
    assert bool(done.report.harness) == (name != "inspect_dict_score_json")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    plain = imported(tmp_path, "handmade/verl/100.jsonl").rows("prompt_id", "correct", "text")
    packed = imported(tmp_path, f"handmade/packed/100.jsonl.{suffix}")
    assert packed.rows("prompt_id", "correct", "text") == plain


def test_tab_separated_values(tmp_path: Path) -> None:
    done = imported(tmp_path, "handmade/packed/table.tsv")
    assert by_prompt(done) == wanted(expected("handmade", "packed")["samples"])


@pytest.mark.parametrize(
    "path", sorted((TOOLS / "inspect").glob("*.eval")), ids=lambda path: path.name
)
def test_logs_of_inspect_packed_with_zstandard(tmp_path: Path, path: Path) -> None:
    """Without inspect_ai; the accuracy is that of the log."""
    options = {"scorer": "both.correct"} if path.name == "dict_score.eval" else {}
    report = run("inspect", tmp_path, path, **options).report
    (stated,) = report.harness
    assert stated.agrees or (path.name == "with_errors.eval" and stated.of)
    assert report.ungraded == 0


def test_runs_of_several_seeds_pool_only_when_asked(tmp_path: Path) -> None:
    files = sorted(
        path.relative_to(TOOLS) for path in TOOLS.glob("lm_eval/own_gsm8k_seeds/samples_*")
    )
    with pytest.raises(
        ValueError, match=r"line 1: prompt '0' has a sample 0 already, .*`pool_runs`"
    ):
        imported(tmp_path, *files)
    done = imported(tmp_path, *files, pool_runs=True)
    assert (done.report.samples, done.report.prompts, done.report.correct) == (15, 5, 7)
    assert done.column("sample_id") == [0] * 5 + [1] * 5 + [2] * 5
    assert all(stated.agrees for stated in done.report.harness)
    with pytest.raises(ValueError, match="is given twice"):
        imported(tmp_path, files[0], files[0], pool_runs=True)


def test_training_steps_do_not_pool(tmp_path: Path) -> None:
    files = ["handmade/verl/dapo_100.jsonl", "handmade/verl/dapo_200.jsonl"]
    done = imported(tmp_path, *files, model="mine")
    assert [group["model"] for group in done.report.groups] == ["mine, step 100", "mine, step 200"]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("handmade/simple_evals/math_own-model_20260501_100000.json", "no samples; .*allresults"),
        (
            "handmade/livecodebench/Scenario.codegeneration_4_0.2_eval.json",
            "no samples; .*_eval_all",
        ),
        ("verifiers/weighted_reward/metadata.json", "no samples; give the results.jsonl"),
        ("every_eval_ever/lm_eval_own_aime.json", "no samples; give the .*_samples.jsonl"),
    ],
)
def test_results_without_samples_are_refused(tmp_path: Path, file: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        imported(tmp_path, file)


def test_helm_needs_both_of_its_files(tmp_path: Path) -> None:
    shutil.copy(TOOLS / "handmade/helm/scenario_state.json", tmp_path)
    with pytest.raises(ValueError, match=r"per_instance_stats\.json: no such file"):
        run("helm", tmp_path, tmp_path / "scenario_state.json")


@pytest.mark.parametrize(
    ("accuracy", "seen"),
    [
        ([1.0, 0.0, 0.5, 0.0], "accuracy_reward is 0.5, neither right"),
        ([1.0, -1.0, 1.0, -1.0], "accuracy_reward is -1, neither right"),
        ([2.0, 0.0, 2.0, 0.0], r"accuracy_reward is 2, .*\(values seen: 2\).*`correct_above`$"),
    ],
)
def test_a_reward_of_form_does_not_take_the_place_of_correctness(
    tmp_path: Path, accuracy: list[float], seen: str
) -> None:
    path = trl(tmp_path, *({"accuracy_reward": value, "format_reward": 1.0} for value in accuracy))
    with pytest.raises(ValueError, match=seen):
        run("trl", tmp_path, path)
    done = run("trl", tmp_path, path, correct_above=0.6)
    assert done.column("correct") == [value > 0.6 for value in accuracy]
    assert done.report.decided_by == {"column accuracy_reward": 4}


def trl(folder: Path, *rewards: dict[str, float]) -> Path:
    rows = (
        {"step": 1, "prompt": "1+1", "completion": str(number), **scores}
        for number, scores in enumerate(rewards)
    )
    return write_lines(folder / "t.jsonl", *rows)


def test_a_reward_of_form_alone_is_no_verdict(tmp_path: Path) -> None:
    path = trl(tmp_path, {"format_reward": 1.0, "tag_count_reward": 0.0})
    with pytest.raises(ValueError, match=r"of form, .*\(format_reward, tag_count_reward\)"):
        run("trl", tmp_path, path)
    assert run("trl", tmp_path, path, metric="format_reward").report.correct == 1


def test_another_score_does_not_take_the_place_of_correctness(tmp_path: Path) -> None:
    rows = ({"input": "1+1", "output": "2", "score": 1.0, "acc": acc} for acc in (0.5, 1.0))
    path = write_lines(tmp_path / "v.jsonl", *rows)
    with pytest.raises(ValueError, match=r"metric: acc is 0.5, 1.0, .*correct_above.*\(score\)"):
        run("verl", tmp_path, path)
    scores = {"fmt": {"value": 1}, "acc": {"value": 0.5}}
    log = inspect_log(tmp_path / "i.eval", [inspect_sample("a", 1, "2", scores=scores)])
    with pytest.raises(ValueError, match=r"score acc is 0\.5"):
        run("inspect", tmp_path, log)
    line = {"doc_id": 0, "resps": [["2"]], "target": "2", "metrics": ["f1", "my_acc"]}
    path = write_lines(tmp_path / "l.jsonl", line | {"f1": 1.0, "my_acc": 0.5})
    with pytest.raises(ValueError, match=r"my_acc is 0\.5"):
        run("lm-eval", tmp_path, path)
