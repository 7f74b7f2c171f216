"""The kinds of logs that people have, and the same with its form changed: verdicts stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.llm_validation.importing import FIXTURES, Imported, run
from verigap.llm_validation.importers import choose_format

CASES, TOOLS = FIXTURES / "cases", FIXTURES / "tools"


Rows = list[str]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rows]:
    """Prompts, verdicts and texts of a fixture, imported once."""
    known: dict[Path, Rows] = {}

    def of(path: Path, **options: Any) -> Rows:
        if path not in known:
            known[path] = rows_of(imported(tmp_path_factory.mktemp("as_is"), path, **options))
        return known[path]

    return of


def rows_of(done: Imported) -> Rows:
    return sorted(map(str, done.rows("prompt_id", "correct", "text")))


def imported(folder: Path, *paths: Path, **options: Any) -> Imported:
    return run(choose_format(None, paths), folder, *paths, **options)


@pytest.mark.parametrize(
    ("files", "samples", "prompts", "correct", "options"),
    [
        (["evalplus-eval-results/samples_eval_results.json"], 12, 4, 4, {}),
        (
            ["evalplus-eval-results/samples_eval_results.json"],
            12,
            4,
            8,
            {"metric": "base"},
        ),
        (["lighteval-details/*.parquet"], 6, 3, 3, {}),
        (["nemo-skills-seeds/*.jsonl"], 12, 4, None, {}),
        (["openr1-math-lists/*.parquet"], 8, 4, 4, {}),
        (["search-and-learn-parquet/*.parquet"], 8, 4, None, {}),
        (["trl-completions/completions_00001.parquet"], 16, None, 8, {}),
        (["trl-completions/conversational_00001.parquet"], 16, None, 8, {}),
        (["verifiers-results/results.jsonl"], 6, 3, 3, {}),
        (["verl-rollouts/100.jsonl"], 16, None, 8, {}),
        (["verl-rollouts/dapo_100.jsonl"], 16, None, 8, {}),
        (["verl-rollouts/dapo_100.jsonl"], 16, None, 8, {"correct_above": 0.0}),
        (["lmeval-seed-reruns/*.jsonl"], 15, 5, 7, {"pool_runs": True}),
        (["csv-encodings/tab.tsv"], 16, 4, 8, {}),
        (["csv-encodings/t.jsonl.bz2"], 2, 1, 1, {}),
        (["csv-encodings/t.jsonl.xz"], 2, 1, 1, {}),
    ],
)
def test_what_people_have(
    tmp_path: Path,
    files: list[str],
    samples: int,
    prompts: int | None,
    correct: int | None,
    options: dict[str, Any],
) -> None:
    paths = [path for file in files for path in sorted(CASES.glob(file))]
    report = imported(tmp_path, *paths, **options).report
    assert report.samples == samples
    assert prompts in (None, report.prompts)
    assert correct in (None, report.correct)
    assert report.ungraded == 0


def turned(value: Any) -> Any:
    """The same JSON with the keys of all objects the other way round."""
    if isinstance(value, dict):
        return {key: turned(entry) for key, entry in reversed(value.items())}
    return [turned(entry) for entry in value] if isinstance(value, list) else value


def records(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False).to_dicts()
    return [json.loads(line) for line in path.read_text().splitlines()]


def lines(folder: Path, name: str, rows: list[dict[str, Any]], space: str = "") -> Path:
    path = folder / name
    text = ("\n" + space).join(space + json.dumps(row) for row in rows)
    path.write_text(f"{space}{text}\n\n")
    return path


def reversed_keys(folder: Path, path: Path) -> list[Path]:
    return [lines(folder, path.stem + ".jsonl", list(map(turned, records(path))))]


def white_space(folder: Path, path: Path) -> list[Path]:
    return [lines(folder, path.stem + ".jsonl", records(path), " \t")]


def split(folder: Path, path: Path) -> list[Path]:
    rows = records(path)
    parts = [rows[: len(rows) // 3], rows[len(rows) // 3 :]]
    return [lines(folder, f"{path.stem}-{n}.jsonl", part) for n, part in enumerate(parts)]


def as_array(folder: Path, path: Path) -> list[Path]:
    out = folder / f"{path.stem}.json"
    out.write_text(json.dumps(records(path), indent=2))
    return [out]


def fewer_fields(folder: Path, path: Path) -> list[Path]:
    """Without what no verdict needs."""
    optional = {
        "advantage", "boxed_format_reward", "finish_reason", "finish_reasons", "gt_cot", "timing",
        "predicted_answer", "metadata", "pred", "agg_scores", "token_usage", "subject",
        "num_generated_tokens", "messages", "difficulty", "overlong_reward", "completion_tokens",
        "performance", "answer_attribution", "solution",
    }  # fmt: skip
    rows = [{k: v for k, v in row.items() if k not in optional} for row in records(path)]
    return [lines(folder, f"{path.stem}.jsonl", rows)]


LISTED = [
    "handmade/qwen_math/test_qwen25-math-cot_-1_seed0_t1.0_s0_e-1.jsonl",
    "handmade/livecodebench/rows.jsonl",
    "handmade/openr1/train-00000-of-00001.parquet",
    "handmade/search_and_learn/train-00000-of-00001.parquet",
    "handmade/nemo_skills/output-rs0.jsonl",
    "handmade/verl/100.jsonl",
    "handmade/verl/dapo_100.jsonl",
    "trl/plain/completions_00001.parquet",
    "trl/chat/completions_00002.parquet",
    "verifiers/reward_is_correct/results.jsonl",
    "verifiers/weighted_reward/results.jsonl",
    "lighteval/own_math_avg/*.parquet",
    "lighteval/own_math_single/*.parquet",
    "every_eval_ever/lm_eval_own_minerva_samples.jsonl",
    "every_eval_ever/inspect_json_log_samples.jsonl",
    "batches/anthropic_results.jsonl",
    "batches/responses_output.jsonl",
]
FORMS: list[Callable[[Path, Path], list[Path]]] = [
    reversed_keys,
    white_space,
    split,
    as_array,
    fewer_fields,
]
JSON_LINES_ONLY = ("every_eval_ever", "batches/anthropic")


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "form"),
    [
        (file, form)
        for file in LISTED
        for form in FORMS
        if form is not as_array or not file.startswith(JSON_LINES_ONLY)
    ],
)
def test_the_form_changes_no_verdict(
    tmp_path: Path,
    verdicts: Callable[..., Rows],
    file: str,
    form: Callable[[Path, Path], list[Path]],
) -> None:
    (path,) = TOOLS.glob(file)
    answers = {"answers": TOOLS / "batches/answers.jsonl"} if "batches" in file else {}
    after = imported(tmp_path, *form(tmp_path, path), **answers)
    assert rows_of(after) == verdicts(path, **answers)


WHOLE = [
    "evalplus/own_eval_results.json",
    "handmade/livecodebench/custom_eval_results.json",
    "handmade/livecodebench/Scenario.codegeneration_4_0.2_eval_all.json",
    "handmade/simple_evals/math_own-model_20260501_100000_allresults.json",
    "inspect/json_log.json",
]


def compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


@pytest.mark.parametrize(
    "written",
    [
        lambda content: json.dumps(turned(content)),
        lambda content: "\n\n " + json.dumps(content, indent=4),
        compact,
    ],
    ids=["keys", "indented", "compact"],
)
@pytest.mark.parametrize("file", WHOLE)
def test_the_form_of_one_object_changes_no_verdict(
    tmp_path: Path, verdicts: Callable[..., Rows], file: str, written: Callable[[Any], str]
) -> None:
    content = json.loads((TOOLS / file).read_text())
    (tmp_path / "log.json").write_text(written(content))
    assert rows_of(imported(tmp_path, tmp_path / "log.json")) == verdicts(TOOLS / file)


def test_a_torn_file_of_any_compression_is_one_line(tmp_path: Path) -> None:
    for suffix in ("gz", "bz2", "xz", "zst"):
        whole = (TOOLS / f"handmade/packed/100.jsonl.{suffix}").read_bytes()
        torn = tmp_path / f"torn.jsonl.{suffix}"
        torn.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="damaged or end too early"):
            run("verl", tmp_path, torn)
    fake = CASES / "csv-encodings/fake_zst.jsonl.zst"
    with pytest.raises(ValueError, match="damaged or end too early"):
        run("table", tmp_path, fake)


BROKEN = [
    ("trl", ["completion"], "trl/plain/completions_00001.parquet"),
    ("verl", ["output"], "handmade/verl/100.jsonl"),
    ("verifiers", ["example_id"], "verifiers/reward_is_correct/results.jsonl"),
    ("nemo-skills", ["generation"], "handmade/nemo_skills/output-rs0.jsonl"),
    ("qwen-math", ["code"], "handmade/qwen_math/test_*_e-1.jsonl"),
    ("livecodebench", ["output_list", "code_list"], "handmade/livecodebench/rows.jsonl"),
    ("openr1", ["generations"], "handmade/openr1/train-00000-of-00001.parquet"),
    ("every-eval-ever", ["sample_id"], "every_eval_ever/lm_eval_own_aime_samples.jsonl"),
    ("anthropic-batch", ["custom_id"], "batches/anthropic_results.jsonl"),
    ("openai-batch", ["response"], "batches/responses_output.jsonl"),
]


@pytest.mark.parametrize(("form", "fields", "file"), BROKEN)
def test_a_broken_record_is_one_line_or_a_counted_skip(
    tmp_path: Path, form: str, fields: list[str], file: str
) -> None:
    (path,) = TOOLS.glob(file)
    rows = records(path)
    broken = {key: value for key, value in rows[1].items() if key not in fields}
    torn = lines(tmp_path, "torn.jsonl", [rows[0], broken, *rows[2:]])
    wrong = lines(tmp_path, "wrong.jsonl", [rows[0], rows[1] | {fields[0]: 7.5}, *rows[2:]])
    with torn.open("a") as end:
        end.write('{"half": ')
    for bad, skipped in ((torn, 2), (wrong, 1)):
        with pytest.raises(ValueError, match="line 2: ") as refusal:
            run(form, tmp_path, bad)
        assert "\n" not in str(refusal.value)
        assert run(form, tmp_path, bad, skip_bad=True).report.skipped == skipped
