"""Details of lighteval: a Parquet file a task, one document a row, in its three layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.deciding import choose, lenient
from verigap.llm_validation.importers.grading import NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    Parsed,
    Reading,
    Record,
    Sample,
    Stated,
    UnclearVerdict,
    parse_anywhere,
)
from verigap.llm_validation.importers.rows import beside, rows
from verigap.llm_validation.importers.sources import peeked

_FILE = re.compile(
    r"details_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.parquet"
)
# The mean over the replies to a document, by its names in old and new versions.
_MEAN = re.compile(r"avg@n(:n=\d+)?|avg@\d+|pass@k:k=1(&n=\d+)?|.*pass@1:\d+_samples")
_ORDER = ("extractive_match",)
_GRADED = "final answer against gold"


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The replies to each document, judged by its metric where there is one reply."""
    single = list(_single(paths))
    metric = choose(single, options.metric, options.correct_above, _ORDER) if single else None
    if not single and options.metric is not None:
        raise ValueError(
            "metric: of no use for documents with several replies, of which a metric is one number "
            "for all; drop it, and each reply is graded by itself"
        )
    for path in paths:
        records = (
            Record(place, (number, content) if isinstance(content, dict) else content)
            for number, (place, content) in enumerate(rows(path, reading))
        )
        name = _FILE.fullmatch(path.name)
        results = beside(path, f"results_{name['date']}.json") if name else {}
        model = values.at(results, "config_general.model_name")
        parse = partial(
            _samples,
            metric=metric,
            above=options.correct_above,
            dataset=name["task"] if name else "",
            model=model if isinstance(model, str) else "",
        )
        yield from parse_anywhere(records, parse)
        if name:
            task = values.mapping(results.get("results") or {}, "results").get(name["task"])
            yield from _stated(task, metric, str(path))


def _single(paths: Sequence[Path]) -> Iterator[Mapping[str, object]]:
    """The metrics of the first documents with one reply, of every file."""
    for path in paths:
        first, _ = peeked(rows(path, Reading([path])))
        for _, content in first:
            try:
                document = _Document(values.mapping(content, "a row"))
            except BadRecord:
                # Refused at its place when it is read.
                continue
            if len(document.texts) == 1:
                yield document.metrics


class _Document:
    """One row, whatever its layout."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        doc, reply, metrics = (
            values.mapping(next((row[name] for name in names if row.get(name)), {}), names[0])
            for names in (
                ("doc", "__doc__"),
                ("model_response", "__model_response__"),
                ("metric", "__metric__", "metrics"),
            )
        )
        self.metrics: dict[str, object] = {
            name: value for name, value in metrics.items() if value is not None
        }
        self.texts = values.listing(reply.get("text", row.get("predictions") or []), "the replies")
        tokens = reply.get("output_tokens", row.get("cont_tokens"))
        self.tokens = tokens if isinstance(tokens, list) and len(tokens) == len(self.texts) else []
        self.gold = _gold(doc) if doc else values.listing(row.get("gold") or [], "gold")
        self.id = doc.get("id")
        self.prompt = doc.get("query") or row.get("full_prompt") or row.get("example")


def _gold(doc: Mapping[str, Any]) -> list[object]:
    index = doc.get("gold_index")
    wanted = index if isinstance(index, list) else [index]
    choices = values.listing(doc.get("choices") or [], "choices")
    return [choices[i] for i in wanted if isinstance(i, int) and 0 <= i < len(choices)]


def _samples(
    numbered: tuple[int, Mapping[str, Any]],
    metric: str | None,
    above: float | None,
    dataset: str,
    model: str,
) -> list[Sample]:
    number, row = numbered
    document = _Document(row)
    prompt = document.id if document.id not in (None, "") else document.prompt
    found: list[Sample] = []
    alone = len(document.texts) == 1
    for place, entry in enumerate(document.texts):
        text = values.reply(entry, "a reply")
        if alone and metric is not None:
            assessment, decided_by = _logged(document, text, metric, above)
        else:
            assessment, decided_by = assess(text, document.gold), _GRADED
        tokens = document.tokens[place] if document.tokens else None
        found.append(
            Sample(
                values.identifier(prompt if prompt is not None else number, "id"),
                decided_by=decided_by,
                dataset=dataset,
                model=model,
                sample_id=place,
                text=text,
                n_tokens=len(tokens) if isinstance(tokens, list) and tokens else None,
                verdicts=(
                    {name: lenient(value, above) for name, value in document.metrics.items()}
                    if alone
                    else None
                ),
                **assessment._asdict(),
            )
        )
    return found


def _logged(
    document: _Document, text: str, metric: str, above: float | None
) -> tuple[Assessment, str]:
    value = document.metrics.get(metric)
    try:
        correct = values.verdict(value, metric, above)
    except UnclearVerdict as unclear:
        others = [name for name in document.metrics if name != metric]
        raise UnclearVerdict(metric, unclear.value, unclear.number, others) from None
    reason = NO_VERDICT if correct is None else None
    return Assessment(extract_answer(text), correct, reason), f"metric {metric}"


def _stated(task: object, metric: str | None, place: str) -> Iterator[Parsed]:
    for name, entry in task.items() if isinstance(task, dict) else ():
        value = values.stated(entry)
        if value is None:
            continue
        if name == metric:
            yield Parsed(place, Stated(f"metric {metric}", name, value))
        elif metric is None and _MEAN.fullmatch(name):
            yield Parsed(place, Stated(_GRADED, name, value))


FORMAT = Format(
    read,
    "details of lighteval",
    frozenset({"metric", "correct_above"}),
    lambda first: (
        {"doc", "model_response"} <= first.keys()
        or {"__doc__", "__model_response__"} <= first.keys()
        or {"predictions", "gold", "metrics"} <= first.keys()
    ),
)
