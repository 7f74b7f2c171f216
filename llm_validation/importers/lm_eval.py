"""Samples that lm-evaluation-harness logs with `--log_samples`: one document a line.

A task with several filters logs each document once a filter, all with the same responses, so the
lines of one filter count. With repeats the logged metric is one number for all responses of a
document (the default filter takes the first), so each response is graded by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import deciding, values
from verigap.llm_validation.importers.grading import NO_ANSWER, NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Note,
    Parsed,
    Reading,
    Record,
    Sample,
    Stated,
    UnclearVerdict,
    parse_anywhere,
)
from verigap.llm_validation.importers.sources import json_lines, json_object
from verigap.storage.files import read_regular

_FILE = re.compile(
    r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl(?:\.gz)?"
)
# In order of preference; what else a task logs is tried after them.
_METRICS = ("math_verify", "exact_match", "acc", "pass@1", "prompt_level_strict_acc")
# What `--predict_only` logs in place of a metric.
_NO_METRIC = "bypass"
_NO_FILTER = "none"
_PASS_AT_K = re.compile(r"pass(@|_at_)\d+$")
_LARGEST_RESULTS = 64 * 2**20


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """Responses of logged documents, in order."""
    for path in paths:
        log = _Log(path, options)
        parse = partial(_samples, dataset=log.dataset, model=log.model, above=log.above)
        yield from parse_anywhere(log.documents(json_lines([path], reading)), parse)
        log.refuse_unknown_filter()
        yield from log.stated(str(path))
        yield from log.other_filters(str(path))


class _Document(NamedTuple):
    """A line of a log.

    Attributes:
      prompt: names the document.
      responses: the texts to judge.
      metrics: what the harness says of them, by name.
      metric: that which decides where there is one response.
      filter: name of the filter that the line is of.
      targets: right answers.
      filtered: what the filter made of the responses.
      settings: the parameters of the request.
      stops: its stop sequences.
    """

    prompt: str
    responses: Sequence[str]
    metrics: dict[str, float]
    metric: str | None
    filter: str
    targets: list[object]
    filtered: object
    settings: dict[str, Any]
    stops: tuple[str, ...]


class _Log:
    """The lines of one file, whose name says the task, and what holds for all of them."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        name = _FILE.fullmatch(path.name)
        self.dataset = name["task"] if name else ""
        self.results = _results(path.with_name(f"results_{name['date']}.json")) if name else {}
        model = self.results.get("model_name")
        self.model = model if isinstance(model, str) else ""
        self.asked, self.above = options.metric, options.correct_above
        self.metric: str | None = None
        self.filter = options.filter
        # Sum and number of the documents' metrics, by filter and metric.
        self.by_filter: dict[str, dict[str, tuple[float, int]]] = {}

    def documents(self, records: Iterable[Record]) -> Iterator[Record]:
        """The documents of the filter that counts; the others are left out."""
        for place, content in records:
            found = content
            if not isinstance(content, BadRecord | LeftOut):
                try:
                    found = self._document(content)
                except (BadRecord, LeftOut) as refusal:
                    found = refusal
            yield Record(place, found)

    def _document(self, record: dict[str, Any]) -> _Document:
        prompt = values.identifier(values.get(record, "doc_id"), "doc_id")
        name = values.text(record.get("filter", _NO_FILTER), "filter")
        if self.filter is None:
            self.filter = name
        metrics = _metrics(record)
        totals = self.by_filter.setdefault(name, {})
        for metric, value in metrics.items():
            total, count = totals.get(metric, (0.0, 0))
            totals[metric] = total + value, count + 1
        if name != self.filter:
            raise LeftOut(f"a line of filter {name!r}, where {self.filter!r} decides")
        responses = _responses(record)
        if self.asked is not None:
            self._refuse_useless(list(metrics), len(responses))
        settings = _settings(record)
        stops = values.stops(settings.get("until"))
        if self.metric is None and len(responses) == 1 and metrics:
            self.metric = self.asked or self._decisive(metrics)
        return _Document(
            prompt,
            responses,
            metrics,
            self.metric,
            name,
            _targets(record),
            record.get("filtered_resps"),
            settings,
            stops,
        )

    def stated(self, place: str) -> list[Parsed]:
        """The accuracies in the results file of the same run."""
        results = self.results.get("results")
        task = results.get(self.dataset) if isinstance(results, dict) else None
        found: list[Parsed] = []
        for key, entry in task.items() if isinstance(task, dict) else ():
            name, _, filter_name = key.partition(",")
            value = values.stated(entry)
            if value is None or filter_name != self.filter:
                continue
            if name == (self.metric or self.asked):
                decided_by = f"metric {name}, filter {self.filter}"
                found.append(Parsed(place, Stated(decided_by, key, value)))
            elif self.metric is None and name in _METRICS:
                of = "one number for all responses of a document"
                stated = Stated("final answer against target", key, value, of)
                found.append(Parsed(place, stated))
        return found

    def refuse_unknown_filter(self) -> None:
        """Raise `ValueError` if the filter that was asked for has no line."""
        if self.by_filter and self.filter not in self.by_filter:
            listed = ", ".join(self.by_filter)
            raise ValueError(f"filter: the log has no {self.filter!r}; it has {listed}")

    def other_filters(self, place: str) -> list[Parsed]:
        """What the metrics of the other filters say, where it is not what the used one says."""
        own = _means(self.by_filter.get(self.filter or "", {}))
        found = []
        for name, totals in self.by_filter.items():
            differing = {
                metric: mean
                for metric, mean in _means(totals).items()
                if name != self.filter and metric in own and mean != own[metric]
            }
            found += [
                Parsed(
                    place,
                    Note(
                        f"{metric} is {mean:.4g} by filter {name!r} and {own[metric]:.4g} by "
                        f"{self.filter!r}, which is used; `filter` {name} uses the other"
                    ),
                )
                for metric, mean in differing.items()
            ]
        return found

    def _refuse_useless(self, metrics: list[str], responses: int) -> None:
        listed = ", ".join(metrics) or "none"
        if self.asked not in metrics:
            raise ValueError(f"metric: the log has no {self.asked!r}; it has {listed}")
        if responses > 1:
            raise ValueError(
                f"metric: of no use for documents with several responses, of which {self.asked!r} "
                "is one number for all; drop it, and each response is graded by itself"
            )

    def _decisive(self, metrics: dict[str, float]) -> str:
        deciding.refuse_form(metrics)
        known = {name: v for name, v in metrics.items() if not deciding.speaks_of_form(name)}
        right = [name for name in known if deciding.speaks_of_correctness(name)]
        clear = [name for name in [*right, *known] if known[name] in (0, 1)]
        order = [name for name in _METRICS if name in known]
        return next(
            iter([*order, *(name for name in clear if name in right), *right, *clear, *known])
        )


def _samples(document: _Document, dataset: str, model: str, above: float | None) -> list[Sample]:
    """The samples of a document, each judged by itself where there are several."""
    metrics, targets = document.metrics, document.targets
    alone = len(document.responses) == 1
    samples: list[Sample] = []
    for number, text in enumerate(document.responses):
        if alone and metrics:
            assessment, decided_by = _logged(document, text, above)
        elif (ran := _of_run_code(metrics, targets)) is not None:
            assessment, decided_by = ran
        else:
            assessment = assess(text, targets, stops=document.stops)
            decided_by = "final answer against target"
        samples.append(
            Sample(
                document.prompt,
                decided_by=decided_by,
                dataset=dataset,
                model=model,
                sampling=values.parameters(document.settings),
                text=text,
                sample_id=number,
                verdicts=_verdicts(metrics, above) if alone else None,
                **assessment._asdict(),
            )
        )
    return samples


def _logged(document: _Document, text: str, above: float | None) -> tuple[Assessment, str]:
    """The harness's own verdict on a document's only response."""
    metric, metrics = document.metric, document.metrics
    if metric is None or metric not in metrics:
        raise BadRecord(f"metric {metric!r} is missing, which decides other documents")
    value = metrics[metric]
    if above is None and value not in (0, 1):
        others = [name for name in metrics if name != metric]
        raise UnclearVerdict(metric, f"{value:g}", True, others)
    correct = value == 1 if above is None else value > above
    filtered = document.filtered
    answer = filtered[0] if isinstance(filtered, list) and filtered else None
    reason = NO_ANSWER if answer == "[invalid]" and not correct else None
    if not isinstance(answer, str) or answer == "[invalid]" or answer == text:
        answer = extract_answer(text)
    return Assessment(answer, correct, reason), f"metric {metric}, filter {document.filter}"


def _verdicts(metrics: dict[str, float], above: float | None) -> dict[str, bool | None]:
    if above is not None:
        return {name: value > above for name, value in metrics.items()}
    return {name: value == 1 if value in (0, 1) else None for name, value in metrics.items()}


def _of_run_code(metrics: dict[str, float], targets: list[object]) -> tuple[Assessment, str] | None:
    """The verdict on each of several replies whose code the harness ran; None if it ran none.

    Code is not compared with tests as a text is with an answer. pass@k says what each reply is
    worth only where none passed, or, for k = 1, where all did.
    """
    ran = {name: value for name, value in metrics.items() if _PASS_AT_K.match(name)}
    if not ran or not any(isinstance(target, str) and "assert " in target for target in targets):
        return None
    name = min(ran, key=lambda each: (each != "pass@1", each))
    decided_by = f"metric {name} of all replies of a document"
    if any(value == 0 for value in ran.values()):
        return Assessment(None, False), decided_by
    if ran.get("pass@1") == 1:
        return Assessment(None, True), decided_by
    return Assessment(None, None, NO_VERDICT), decided_by


def _means(totals: dict[str, tuple[float, int]]) -> dict[str, float]:
    """Mean of each metric over the documents that have it."""
    return {name: total / count for name, (total, count) in totals.items()}


def _metrics(record: dict[str, Any]) -> dict[str, float]:
    """The numbers that the harness logged for a document, by metric."""
    logged = record.get("metrics")
    if not isinstance(logged, dict | list | None):
        raise BadRecord(f"metrics is {values.shown(logged)}, not a list")
    names = [name for name in logged if isinstance(name, str)] if logged else list(_METRICS)
    numbers = {name: values.score(_plain(record.get(name))) for name in names}
    return {
        name: number
        for name, number in numbers.items()
        if name != _NO_METRIC and number is not None
    }


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _targets(record: dict[str, Any]) -> list[object]:
    target = record.get("target")
    return target if isinstance(target, list) else [target]


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
    # A request that came back with nothing is logged as null.
    return [
        values.text("" if response is None else response, "a response in resps")
        for response in requests
    ]


def _settings(record: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the request."""
    arguments = record.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    settings = first.get("arg_1") if isinstance(first, dict) else None
    return settings if isinstance(settings, dict) else {}


def _results(path: Path) -> dict[str, Any]:
    """The results file of the same run, where it lies beside the samples."""
    try:
        if path.stat().st_size > _LARGEST_RESULTS:
            return {}
        content = json_object(read_regular(path))
    except OSError:
        return {}
    return content if isinstance(content, dict) else {}


FORMAT = Format(
    read,
    "a log of lm-evaluation-harness (--log_samples)",
    frozenset({"filter", "metric", "correct_above"}),
    lambda first: {"doc_id", "resps"} <= first.keys(),
)
