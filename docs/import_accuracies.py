"""The table of docs/importing.md: what each harness says of its own log, and what comes out here.

The logs are in tests/llm_validation/fixtures/tools, each beside an `expected.json` with the
accuracy that its harness states. `docs/generated.py` puts the table into the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

TOOLS = Path(__file__).resolve().parents[1] / "tests" / "llm_validation" / "fixtures" / "tools"
_PLACE = re.compile(r"(<!-- accuracies of the tools -->\n).*?(<!-- end -->)", re.DOTALL)
_ROUNDING = 5e-4
_FIRST = "the harness scores the first reply of a problem, here all replies count"


class Row(NamedTuple):
    """One log.

    Attributes:
      tool: the folder with its `expected.json`.
      name: its entry there.
      files: a pattern of its files.
      stated: the accuracy that the harness states.
      metric: what the harness calls it.
      why: the reason for a difference, if there is one.
      options: of the import.
    """

    tool: str
    name: str
    files: str
    stated: float
    metric: str
    why: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012


@cache
def _expected(tool: str) -> dict[str, Any]:
    return json.loads((TOOLS / tool / "expected.json").read_text(encoding="utf-8"))


def _lm_eval() -> Iterator[Row]:
    both = f"{_FIRST}, judged by Math-Verify, to which 0.75 is 3/4"
    for name, metric, why in (
        ("own_minerva", "math_verify,none", ""),
        ("own_math500", "exact_match,none", ""),
        ("own_gsm8k", "exact_match,strict-match", ""),
        ("own_aime", "exact_match,none", both),
        ("own_gsm8k_cot_self_consistency", "exact_match,score-first", _FIRST),
        ("own_bbh_navigate", "exact_match,get-answer", _FIRST),
        ("own_pass_at_k", "pass@1,all-4", "graded by Math-Verify, to which 0.75 is 3/4"),
    ):
        stated = _expected("lm_eval")[name]["aggregate"][metric]
        yield Row("lm_eval", name, f"lm_eval/{name}/samples_*", stated, metric, why)


def _inspect() -> Iterator[Row]:
    errors = "the mean over prompts of the mean of their completed epochs, here over samples"
    for name, index, scorer, why in (
        ("several_scorers_epochs.eval", 0, None, ""),
        ("reducers.eval", 0, None, ""),
        ("dict_score.eval", 0, "both.correct", ""),
        ("partial_marks.eval", 1, None, ""),
        ("with_errors.eval", 0, None, errors),
        ("json_log.json", 0, None, ""),
        ("cut_after_answer.eval", 0, None, ""),
    ):
        entry = _expected("inspect")[name]["aggregate"][index]
        ((metric, stated), *_) = entry["metrics"].items()
        metric = f"{metric} of {entry['scorer']}"
        options = {"scorer": scorer} if scorer else {}
        yield Row("inspect", name, f"inspect/{name}", stated, metric, why, options)


def _others() -> Iterator[Row]:
    def stated(tool: str, name: str, *path: str) -> float:
        found: Any = _expected(tool)[name]["aggregate"]
        for key in path:
            found = found[key]
        return float(found)

    for name, metric in (
        ("own_math_avg", "avg@n:n=4"), ("own_math_pass", "avg@n:n=4"),
        ("own_math_single", "extractive_match"), ("own_letters", "extractive_match"),
    ):  # fmt: skip
        files = f"lighteval/{name}/details_*"
        yield Row("lighteval", name, files, stated("lighteval", name, metric), metric)
    name = "own_eval_results.json"
    for metric in ("base", "plus"):
        value = stated("evalplus", name, metric, "pass@1")
        options = {"metric": metric}
        yield Row("evalplus", name, f"evalplus/{name}", value, f"{metric} pass@1", "", options)
    for step in ("1", "2"):
        metric = "rewards/accuracy_reward/mean"
        files = f"trl/chat/completions_0000{step}.parquet"
        yield Row("trl", "chat", files, stated("trl", "chat", step, metric), f"{metric}, {step}")
    signed = "rewards of +1 and -1: their mean is 2p - 1, and (1 - 0.25) / 2 = 0.375"
    yield Row(
        "trl", "signed", "trl/signed/completions_00001.parquet",
        stated("trl", "signed", "1", "rewards/signed_reward/mean"), "rewards/signed_reward/mean, 1",
        signed, {"correct_above": 0.0},
    )  # fmt: skip
    for name in ("reward_is_correct", "empty_replies"):
        files = f"verifiers/{name}/results.jsonl"
        yield Row("verifiers", name, files, stated("verifiers", name, "avg_reward"), "avg_reward")
    name = "weighted_reward"
    value = stated("verifiers", name, "avg_metrics", "right_answer")
    yield Row("verifiers", name, f"verifiers/{name}/results.jsonl", value, "right_answer")
    for name, metric in (
        ("lm_eval_own_minerva", "math_verify"), ("lm_eval_own_aime", "exact_match"),
        ("inspect_json_log", "boxed_match:accuracy"),
    ):  # fmt: skip
        entry = f"{name}_samples.jsonl"
        value = stated("every_eval_ever", entry, metric)
        yield Row("every_eval_ever", entry, f"every_eval_ever/{entry}", value, metric)


def _by_hand() -> Iterator[Row]:
    entries = _expected("handmade")
    for name, files, metric, why in (
        ("nemo_skills", "nemo_skills/output-rs*.jsonl", "accuracy", ""),
        ("verl", "verl/100.jsonl", "accuracy", ""),
        ("dapo", "verl/dapo_100.jsonl", "accuracy", ""),
        ("openr1", "openr1/*.parquet", "accuracy", ""),
        ("qwen_math", "qwen_math/*e-1.jsonl", "acc", _FIRST),
        ("livecodebench eval_all", "livecodebench/*_eval_all.json", "pass@1", ""),
        ("simple_evals", "simple_evals/*_allresults.json", "accuracy", ""),
        ("helm", "helm/scenario_state.json", "math_equiv_chain_of_thought", ""),
        ("search_and_learn (parquet)", "search_and_learn/*.parquet", "accuracy", ""),
    ):
        value = entries[name]["aggregate"][metric]
        value = value / 100 if value > 1 else value
        yield Row("handmade", name, f"handmade/{files}", value, metric, why)
    options = {"answers": TOOLS / "batches/answers.jsonl"}
    for name, files in (
        ("chat", "chat_output.jsonl"),
        ("responses", "responses_output.jsonl"),
        ("anthropic", "anthropic_results.jsonl"),
    ):  # fmt: skip
        value = _expected("batches")[name]["aggregate"]["accuracy"]
        yield Row("batches", name, f"batches/{files}", value, "accuracy", "", options)


def rows() -> Iterator[Row]:
    """Every log of the table."""
    yield from _lm_eval()
    yield from _inspect()
    yield from _others()
    yield from _by_hand()


def _line(row: Row) -> str:
    from verigap.llm_validation.importers import ImportOptions, read_samples

    paths = sorted(TOOLS.glob(row.files))
    found = read_samples(paths, ImportOptions(**row.options))
    assert found.report is not None
    ours = found.report.correct / found.report.samples
    equal = abs(ours - row.stated) <= _ROUNDING
    if equal == bool(row.why):
        raise ValueError(f"{row.name}: {ours} here, {row.stated} stated, why: {row.why!r}")
    by = _expected(row.tool)[row.name].get("tool", "")
    by = "layout by hand" if "by hand" in by else by.partition(" (")[0]
    return (
        f"| `{found.form}` | {by} | {row.name.partition('_2026')[0]} | {row.metric} "
        f"| {row.stated:.4g} | {ours:.4g} | {row.why or 'equal'} |"
    )


def importing_page(text: str) -> str:
    """The page with the table as it is now."""
    lines = [
        "| format | written by | log | the harness's accuracy | stated | here | |",
        "|---|---|---|---|---|---|---|",
        *map(_line, rows()),
    ]
    made = "\n".join(lines)
    return _PLACE.sub(lambda place: f"{place[1]}{made}\n{place[2]}", text)


if __name__ == "__main__":
    print(importing_page("<!-- accuracies of the tools -->\n<!-- end -->"))
