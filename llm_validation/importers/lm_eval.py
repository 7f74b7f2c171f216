"""Samples that lm-evaluation-harness logs with `--log_samples`: one document a line.

A task with several filters logs each document once a filter, all with the same responses, so the
lines of one filter count. `filtered_resps` keeps one response of several (the default filter takes
the first), so with repeats the verdicts are made again from `resps`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.answers import extract_answer, grade
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    LeftOut,
    Parsed,
    Reading,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.sources import json_lines, json_object

_FILE = re.compile(
    r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl(?:\.gz)?"
)
# In order of preference; what else a task logs is tried after them.
_METRICS = ("exact_match", "math_verify", "acc", "pass@1", "prompt_level_strict_acc")
_NO_FILTER = "none"
_LARGEST_RESULTS = 64 * 2**20


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """Responses of logged documents, in order."""
    for path in paths:
        yield from parse_each(json_lines([path], reading), _Log(path, options))


class _Log:
    """Parses the lines of one file, whose name says the task."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        name = _FILE.fullmatch(path.name)
        self.dataset = name["task"] if name else ""
        self.model = _model(path.with_name(f"results_{name['date']}.json")) if name else ""
        self.metric = options.metric
        self.filter = options.filter

    def __call__(self, record: dict[str, Any]) -> list[Sample]:
        prompt = values.identifier(values.get(record, "doc_id"), "doc_id")
        name = values.text(record.get("filter", _NO_FILTER), "filter")
        if self.filter is None:
            self.filter = name
        if name != self.filter:
            raise LeftOut(f"a line of filter {name!r}, where {self.filter!r} decides")
        responses = _responses(record)
        sampling = _sampling(record)
        common = {"dataset": self.dataset, "model": self.model, "sampling": sampling}
        samples: list[Sample] = []
        for number, text in enumerate(responses):
            if len(responses) == 1:
                answer, correct, decided_by = self._logged(record, text)
            else:
                answer, correct, decided_by = _graded(record, text)
            samples.append(
                Sample(
                    prompt,
                    correct,
                    decided_by,
                    text=text,
                    answer=answer,
                    sample_id=number,
                    **common,
                )
            )
        return samples

    def _logged(self, record: dict[str, Any], text: str) -> tuple[str | None, bool | None, str]:
        """The harness's own verdict on a document's only response."""
        metric = self._decisive(record)
        if metric is None:
            return _graded(record, text)
        score = values.real(
            int(record[metric]) if isinstance(record[metric], bool) else record[metric], metric
        )
        correct = None if score not in (0.0, 1.0) else score == 1.0
        filtered = record.get("filtered_resps")
        answer = filtered[0] if isinstance(filtered, list) and filtered else None
        if not isinstance(answer, str) or answer == "[invalid]" or answer == text:
            answer = extract_answer(text)
        return answer, correct, f"metric {metric}, filter {self.filter}"

    def _decisive(self, record: dict[str, Any]) -> str | None:
        if self.metric is not None:
            values.get(record, self.metric)
            return self.metric
        logged = record.get("metrics")
        others = [name for name in logged if isinstance(name, str)] if logged else []
        for name in (*_METRICS, *others):
            if isinstance(record.get(name), bool | int | float):
                return name
        return None


def _graded(record: dict[str, Any], text: str) -> tuple[str | None, bool | None, str]:
    target = record.get("target")
    accepted = target if isinstance(target, list) else [target]
    answer = extract_answer(text)
    verdicts = [grade(text, right)[1] for right in accepted if isinstance(right, str)]
    correct = None
    if any(verdicts):
        correct = True
    elif verdicts and all(verdict is False for verdict in verdicts):
        correct = False
    return answer, correct, "final answer against target"


def _responses(record: dict[str, Any]) -> list[str]:
    """The texts of a document's one request."""
    requests = values.listing(values.get(record, "resps"), "resps")
    if len(requests) == 1 and isinstance(requests[0], list):
        requests = requests[0]
    elif len(requests) > 1 and any(isinstance(request, list) for request in requests):
        raise BadRecord(
            "resps holds several requests for one document, as multiple-choice tasks make them; "
            "only generated answers can be imported"
        )
    if any(isinstance(response, list) for response in requests):
        raise BadRecord("resps holds log-likelihoods; only generated answers can be imported")
    return [values.text(response, "a response in resps") for response in requests]


def _sampling(record: dict[str, Any]) -> str | None:
    arguments = record.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    settings = first.get("arg_1") if isinstance(first, dict) else None
    return values.parameters(settings) if isinstance(settings, dict) else None


def _model(results: Path) -> str:
    """The model's name in the results file of the same run, where that lies beside the samples."""
    try:
        if results.stat().st_size > _LARGEST_RESULTS:
            return ""
        content = json_object(results.read_bytes())
    except OSError:
        return ""
    name = content.get("model_name") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""


FORMAT = Format(read, "lm-evaluation-harness --log_samples JSONL", frozenset({"filter", "metric"}))
