"""Any table of samples in CSV, JSON, JSON Lines or Parquet, its columns named by a mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import settings, values
from verigap.llm_validation.importers.columns import has, require, unread
from verigap.llm_validation.importers.grading import NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    Note,
    Parsed,
    Reading,
    Record,
    Sample,
    parse_anywhere,
)
from verigap.llm_validation.importers.rows import rows
from verigap.llm_validation.importers.sources import peeked
from verigap.llm_validation.traces import COLUMNS

# Beside the canonical columns: the right answer, to grade by where `correct` is unknown.
TARGET = "target"
_FILLED_IN = ("sampling", "source")


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """One sample a row, or with `explode` one an entry of the lists in it."""
    for path in paths:
        yield from read_records(rows(path, reading), options)


def read_records(records: Iterable[Record], options: ImportOptions) -> Iterator[Item]:
    """The samples in the rows of one table, wherever they come from."""
    known = (*COLUMNS, TARGET)
    for name in options.mapping:
        if name not in known:
            raise ValueError(f"mapping: unknown column {name!r}; use one of {', '.join(known)}")
    mapping = {name: name for name in known} | dict(options.mapping)
    parse = partial(_samples, mapping=mapping, options=options)
    first, records = peeked(records, 1)
    for record in first:
        if isinstance(record.content, dict):
            for note in unread(record.content, mapping):
                yield Parsed(record.place, Note(note))
    yield from parse_anywhere(records, parse)


def _samples(
    row: Mapping[str, Any], mapping: Mapping[str, str], options: ImportOptions
) -> list[Sample]:
    if not options.explode:
        return [_sample(row, mapping, options)]
    # A list of messages is one text.
    lists = {
        column: value
        for column in mapping.values()
        if isinstance(value := values.at(row, column), list) and not _is_chat(value)
    }
    targets = lists.get(mapping[TARGET])
    if targets is not None and len(targets) not in {
        len(value) for value in lists.values() if value is not targets
    }:
        # Several right answers to one prompt, and not one a reply.
        del lists[mapping[TARGET]]
    lengths = {len(value) for value in lists.values()}
    if not lists:
        raise BadRecord(
            "no column that is read holds a list", "drop `explode`, or lead `mapping` to a list"
        )
    if len(lengths) > 1:
        counts = ", ".join(f"{column} has {len(value)}" for column, value in lists.items())
        raise BadRecord(f"the lists differ in length ({counts})")
    found: list[Sample] = []
    for number in range(lengths.pop()):
        entry = dict(row) | {column: value[number] for column, value in lists.items()}
        sample = _sample(entry, mapping, options)
        found.append(sample if sample.sample_id is not None else sample._replace(sample_id=number))
    return found


def _is_chat(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(entry, dict) and "content" in entry for entry in value)


def _assessed(
    row: Mapping[str, Any],
    mapping: Mapping[str, str],
    correct: bool | None,
    target: object,
    text: str | None,
    answer: str | None,
) -> tuple[Assessment, str]:
    """The table's own verdict, else that of its answer against the right one; and whose it is."""
    references = values.references(target, mapping[TARGET]) if correct is None else ()
    if correct is None and (references or not has(row, mapping["correct"])):
        compared = assess(text or "", references, answer=answer)
        return compared, f"answer against {mapping[TARGET]}"
    answer = answer or (extract_answer(text) if text else None)
    reason = NO_VERDICT if correct is None else None
    return Assessment(answer, correct, reason), mapping["correct"]


def _sample(row: Mapping[str, Any], mapping: Mapping[str, str], options: ImportOptions) -> Sample:
    for name in options.mapping:
        require(row, name, mapping)
    require(row, "prompt_id", mapping)

    def cell(name: str) -> Any:
        value = values.at(row, mapping[name])
        # CSV knows no null.
        return None if value == "" and name != "text" else value

    def words(name: str) -> str | None:
        value = cell(name)
        if isinstance(value, int | float) and (name == "answer" or not isinstance(value, bool)):
            return None if value != value else str(value)
        if name in _FILLED_IN and isinstance(value, dict | list):
            return values.parameters({name: value})
        return None if value is None else values.text(value, mapping[name])

    if not has(row, mapping[TARGET]):
        require(row, "correct", mapping)
    raw_text = cell("text")
    if isinstance(raw_text, list) and not (_is_chat(raw_text) or not raw_text):
        what = f"{mapping['text']} is {values.shown(raw_text)}, not text"
        raise BadRecord(what, "`explode` makes one sample of each entry")
    chat = isinstance(raw_text, list | dict)
    text = values.reply(raw_text, mapping["text"]) if chat else words("text")
    answer = words("answer")
    drawn = settings.of_row(row, [column for name, column in mapping.items() if name != "sampling"])
    raw = cell("correct")
    correct = values.verdict(raw, mapping["correct"], options.correct_above)
    assessment, decided_by = _assessed(row, mapping, correct, cell(TARGET), text, answer)
    return Sample(
        values.conversation(values.at(row, mapping["prompt_id"]), mapping["prompt_id"]),
        decided_by=decided_by,
        dataset=words("dataset") or "",
        model=words("model") or "",
        sample_id=values.count(cell("sample_id"), mapping["sample_id"]),
        text=text,
        answer_canonical=words("answer_canonical"),
        first_correct=values.count(cell("first_correct"), mapping["first_correct"]),
        first_correct_is_end=values.flag(
            cell("first_correct_is_end"), mapping["first_correct_is_end"]
        ),
        correct_at_end=values.flag(cell("correct_at_end"), mapping["correct_at_end"]),
        n_tokens=values.count(cell("n_tokens"), mapping["n_tokens"]),
        unit=options.unit or words("unit") or "tokens",
        verifier_score=values.real(cell("verifier_score"), mapping["verifier_score"]),
        logprob=values.real(cell("logprob"), mapping["logprob"]),
        # A column such as `temperature` says more by its name.
        sampling=drawn if settings.is_setting(mapping["sampling"]) else words("sampling") or drawn,
        settings=drawn,
        source=words("source"),
        score=None if raw is None or isinstance(raw, bool) else values.score(raw),
        answer=assessment.answer,
        correct=assessment.correct,
        reason=assessment.reason,
        pending=assessment.pending,
    )


FORMAT = Format(
    read,
    "a table in CSV, TSV, JSON, JSON Lines or Parquet, columns under any names",
    frozenset({"mapping", "correct_above", "explode"}),
    lambda first: "prompt_id" in first and bool({"correct", TARGET} & first.keys()),
)
