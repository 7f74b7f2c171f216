"""The instance-level schema of every_eval_ever: `*_samples.jsonl`, one line a sample and metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.grading import NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Note,
    Parsed,
    Reading,
    Sample,
    Stated,
    parse_anywhere,
)
from verigap.llm_validation.importers.rows import beside
from verigap.llm_validation.importers.sources import json_lines

_METRIC = "evaluation_result_id"
_PREFERRED = "math_verify"
_GRADED = "final answer against input.reference"
_MEANS = (
    "scores are means over several samples, so that no sample's own verdict is left; the answers "
    "were graded"
)


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The samples, by one of their metrics."""
    for path in paths:
        metrics, means = _looked_through(path)
        metric = _chosen(metrics, options.metric)
        # A file with one mean in it holds means, also where all samples of a prompt agree.
        graded = metric in means and options.correct_above is None
        if graded:
            yield Parsed(str(path), Note(_MEANS))
        parse = partial(_samples, metric=metric, graded=graded, above=options.correct_above)
        yield from parse_anywhere(json_lines([path], reading), parse)
        yield from _stated(path, metric, graded)


def _looked_through(path: Path) -> tuple[list[str], set[str]]:
    """The metrics of a file in order, and those of which a score is neither 0 nor 1."""
    metrics: dict[str, None] = {}
    means: set[str] = set()
    for _, content in json_lines([path], Reading([path])):
        if isinstance(content, dict):
            name = _metric(content)
            metrics[name] = None
            score = values.at(content, "evaluation.score")
            if isinstance(score, float) and score not in (0, 1):
                means.add(name)
    return list(metrics), means


def _metric(record: Mapping[str, Any]) -> str:
    name = record.get(_METRIC)
    return name if isinstance(name, str) else ""


def _chosen(metrics: Sequence[str], asked: str | None) -> str:
    """The one asked for, else Math-Verify, else the first by name."""
    if asked is not None:
        if asked not in metrics:
            listed = ", ".join(filter(None, metrics)) or "none"
            raise ValueError(f"metric: the log has no {asked!r}; it has {listed}")
        return asked
    by_name = sorted(metrics, key=lambda name: (not name.startswith(_PREFERRED), name))
    return next(iter(by_name), "")


def _samples(
    record: dict[str, Any], metric: str, graded: bool, above: float | None
) -> list[Sample]:
    name = _metric(record)
    if name != metric:
        raise LeftOut(f"a line of metric {name!r}, where {metric!r} decides")
    outputs = values.at(record, "output.raw")
    if outputs is None:
        # Several turns are in messages.
        outputs = [values.reply(record.get("messages"), "messages")]
    texts = outputs if isinstance(outputs, list) else [outputs]
    if len(texts) > 1:
        raise BadRecord(f"output.raw has {len(texts)} texts for one verdict")
    text = values.reply(texts[0] if texts else "", "output.raw")
    assessment, decided_by = _verdict(record, text, metric, graded, above)
    epoch = values.count(values.at(record, "metadata.epoch"), "metadata.epoch")
    tokens = values.count(values.at(record, "token_usage.output_tokens"), "output_tokens")
    dataset, model = record.get("evaluation_name"), record.get("model_id")
    return [
        Sample(
            values.identifier(values.get(record, "sample_id"), "sample_id"),
            decided_by=decided_by,
            dataset=dataset if isinstance(dataset, str) else "",
            model=model if isinstance(model, str) else "",
            sample_id=epoch - 1 if epoch else None,
            text=text,
            n_tokens=tokens,
            score=None if graded else values.score(values.at(record, "evaluation.score")),
            **assessment._asdict(),
        )
    ]


def _verdict(
    record: Mapping[str, Any], text: str, metric: str, graded: bool, above: float | None
) -> tuple[Assessment, str]:
    if graded:
        reference = values.at(record, "input.reference")
        stop = values.at(record, "metadata.stop_reason")
        references = reference if isinstance(reference, list) else [reference]
        cut_off = stop in ("length", "max_tokens", "model_length")
        return assess(text, references, cut_off=cut_off), _GRADED
    score, said = (values.at(record, f"evaluation.{n}") for n in ("score", "is_correct"))
    value = said if score is None and above is None else score
    correct = values.verdict(value, "evaluation.score", above)
    reason = NO_VERDICT if correct is None else None
    return Assessment(extract_answer(text) or text.strip() or None, correct, reason), _by(metric)


def _by(metric: str) -> str:
    return f"metric {metric}" if metric else "evaluation.score"


def _stated(path: Path, metric: str, graded: bool) -> Iterator[Parsed]:
    name = plain_name(path.name).removesuffix("_samples.jsonl")
    facts = beside(path, f"{path.name[: len(name)]}.json")
    results = facts.get("evaluation_results")
    for entry in results if isinstance(results, list) else []:
        value = values.at(entry, "score_details.score") if isinstance(entry, dict) else None
        value = values.stated(value)
        if value is None or entry.get(_METRIC) != metric:
            continue
        yield Parsed(str(path), Stated(_GRADED if graded else _by(metric), metric, value))


FORMAT = Format(
    read,
    "samples in the schema of every_eval_ever",
    frozenset({"metric", "correct_above"}),
    lambda first: {"evaluation_id", "sample_id", "evaluation"} <= first.keys(),
)
