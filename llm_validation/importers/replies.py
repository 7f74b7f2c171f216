"""Rows with one reply, or with lists of replies, whose columns a tool has names of its own for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import settings, values
from verigap.llm_validation.importers.deciding import choose, lenient
from verigap.llm_validation.importers.grading import NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    ImportOptions,
    Item,
    Reading,
    Record,
    Sample,
    UnclearVerdict,
    parse_anywhere,
)
from verigap.llm_validation.importers.rows import rows
from verigap.llm_validation.importers.sources import peeked

_PEEKED = 100
_CUT = ("length", "max_tokens", "max_output_tokens")


def _none(_: Any) -> Any:
    return None


def _nothing(_: Any) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a tool calls things; of several names the first that a row has counts.

    Attributes:
      prompt: what names the prompt.
      text: the reply or a list of replies.
      scores: all scores of a row by name, each a value or a list with an entry a reply.
      order: of scores, those that decide before others.
      target: the right answer.
      answer: the final answer of the reply, as the tool read it.
      tokens: the length in tokens.
      finish: why the reply ended, or whether it was cut off.
      records: the rows of a file.
      sample_id: the number of the samples in a file, where its name says it.
      variant: what tells apart rows that are no samples of one model.
      dataset: the name of the data set.
      model: the name of the model.
    """

    prompt: Sequence[str]
    text: Sequence[str]
    scores: Callable[[Mapping[str, Any]], Mapping[str, object]]
    order: Sequence[str] = ()
    target: Sequence[str] = ()
    answer: Sequence[str] = ()
    tokens: Sequence[str] = ()
    finish: Sequence[str] = ()
    records: Callable[[Path, Reading], Iterator[Record]] = field(default_factory=lambda: rows)
    sample_id: Callable[[Path], int | None] = _none
    variant: Callable[[Mapping[str, Any]], str] = _nothing
    dataset: Callable[[Path], str] = _nothing
    model: Callable[[Path], str] = _nothing


def named(*columns: str) -> Callable[[Mapping[str, Any]], Mapping[str, object]]:
    """The scores in some columns, those that a row has."""
    return lambda row: {name: row[name] for name in columns if row.get(name) is not None}


def decisive(paths: Sequence[Path], options: ImportOptions, columns: Columns) -> str | None:
    """The score that decides in all of the files, or None where answers have to be graded."""
    first: list[Mapping[str, object]] = []
    for path in paths:
        reading = Reading([path])
        records, _ = peeked(columns.records(path, reading), _PEEKED)
        first += [columns.scores(r.content) for r in records if isinstance(r.content, dict)]
        reading.close()
    return choose(first, options.metric, options.correct_above, columns.order)


def read_replies(
    path: Path, options: ImportOptions, reading: Reading, columns: Columns, score: str | None
) -> Iterator[Item]:
    """The replies in a file, correct as `score` says."""
    parse = partial(
        _samples,
        columns=columns,
        score=score,
        above=options.correct_above,
        sample_id=columns.sample_id(path),
        dataset=columns.dataset(path),
        model=columns.model(path),
    )
    yield from parse_anywhere(columns.records(path, reading), parse)


def _samples(
    row: Mapping[str, Any],
    columns: Columns,
    score: str | None,
    above: float | None,
    sample_id: int | None,
    dataset: str,
    model: str,
) -> list[Sample]:
    text_name = _name(row, columns.text)
    raw = values.at(row, text_name) if text_name else None
    if text_name is None:
        raise BadRecord(f"field {columns.text[0]!r} is missing")
    many = isinstance(raw, list) and not _is_chat(raw)
    texts = raw if isinstance(raw, list) and many else [raw]
    number = len(texts)
    scores = {name: _each(value, name, number, many) for name, value in columns.scores(row).items()}
    answers, tokens, finish = (
        _each(_first(row, names), names[0] if names else "", number, many)
        for names in (columns.answer, columns.tokens, columns.finish)
    )
    target = _first(row, columns.target)
    drawn = settings.of_row(row, steps=False)
    prompt = _name(row, columns.prompt)
    if prompt is None:
        raise BadRecord(f"field {columns.prompt[0]!r} is missing")
    prompt_id = values.conversation(values.at(row, prompt), prompt)
    found: list[Sample] = []
    for place, entry in enumerate(texts):
        text = values.reply(entry, text_name)
        said = {name: each[place] for name, each in scores.items()}
        answer = answers[place] if isinstance(answers[place], str) and answers[place] else None
        assessment, decided_by = _verdict(
            said, score, text, target, answer, _cut(finish[place]), above, columns
        )
        known = values.count(tokens[place], "tokens")
        found.append(
            Sample(
                prompt_id,
                decided_by=decided_by,
                dataset=dataset,
                model=model,
                sample_id=place if many and sample_id is None else sample_id,
                text=text,
                n_tokens=known,
                verdicts={name: lenient(value, above) for name, value in said.items()},
                score=_number(said.get(score)) if score else None,
                variant=columns.variant(row),
                settings=drawn,
                **assessment._asdict(),
            )
        )
    return found


def _verdict(
    said: Mapping[str, object],
    score: str | None,
    text: str,
    target: object,
    answer: str | None,
    cut_off: bool,
    above: float | None,
    columns: Columns,
) -> tuple[Assessment, str]:
    """The verdict of the score that decides, or of grading where the log has none."""
    if score is None and not said:
        name = next(iter(columns.target), "nothing")
        references = values.references(target, name)
        graded = assess(text, references, answer=answer, cut_off=cut_off)
        return graded, f"final answer against {name}" if references else "nothing"
    if score is None or score not in said:
        return Assessment(answer or extract_answer(text), None, NO_VERDICT), "nothing"
    try:
        correct = values.verdict(said[score], score, above)
    except UnclearVerdict as unclear:
        others = [name for name in said if name != score]
        raise UnclearVerdict(score, unclear.value, unclear.number, others) from None
    reason = NO_VERDICT if correct is None else None
    return Assessment(answer or extract_answer(text), correct, reason), f"column {score}"


def _cut(finish: object) -> bool:
    return finish is True or (isinstance(finish, str) and finish.lower() in _CUT)


def _number(value: object) -> float | None:
    return None if value is None or isinstance(value, bool) else values.score(value)


def _is_chat(value: list[Any]) -> bool:
    return all(isinstance(entry, dict) and "role" in entry for entry in value)


def _name(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row or values.at(row, name) is not None), None)


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    found = (values.at(row, name) for name in names)
    return next((value for value in found if value is not None), None)


def _each(value: Any, name: str, number: int, many: bool) -> list[Any]:
    """One entry a reply: those of a list, or the same for all."""
    if many and isinstance(value, list):
        return values.aligned(value, name, number)
    return [value] * number
