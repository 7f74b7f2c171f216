"""Large Language Monkeys: many samples of one problem in one YAML or JSON record.

The repository writes one YAML file a problem (`is_correct` after its evaluation); the published
data set holds one JSON record a problem (`is_corrects`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    Reading,
    Record,
    Sample,
    parse_anywhere,
)
from verigap.llm_validation.importers.sources import document, json_lines, json_values

_VERDICTS = ("is_corrects", "is_correct")
_DEEPEST = 100


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The samples of each problem."""
    unnamed = 0
    for path in paths:
        name = plain_name(path.name)
        if name.endswith((".yaml", ".yml")):
            records, prompt = _yaml(path, reading), path.name.split(".")[0]
        elif name.endswith((".jsonl", ".ndjson")):
            records, prompt = json_lines([path], reading), None
        else:
            records, prompt = json_values(path, reading), None
        for record in records:
            # Numbered over all files, as a data set may come in several.
            fallback = prompt or str(unnamed)
            unnamed += 1
            parse = partial(_samples, fallback=fallback, above=options.correct_above)
            yield from parse_anywhere([record], parse)


def _samples(record: dict[str, Any], fallback: str, above: float | None) -> list[Sample]:
    texts = values.listing(values.get(record, "samples"), "samples")
    name = next((name for name in _VERDICTS if record.get(name) is not None), None)
    verdicts = values.aligned(record.get(name) if name else None, name or "", len(texts))
    references = () if name else values.references(record.get("gt_answer"), "gt_answer")
    prompt = fallback
    if record.get("orig_dset_idx") not in (None, ""):
        index = values.identifier(record["orig_dset_idx"], "orig_dset_idx")
        split = record.get("orig_dset_split")
        prompt = f"{split}/{index}" if isinstance(split, str) and split else index
    samples: list[Sample] = []
    for number, (entry, verdict) in enumerate(zip(texts, verdicts, strict=True)):
        text = values.text("" if entry is None else entry, f"sample {number + 1}")
        if name:
            correct = values.verdict(verdict, f"{name}, sample {number + 1},", above)
            reason = NO_VERDICT if correct is None else None
            assessment, decided_by = Assessment(extract_answer(text), correct, reason), name
        else:
            assessment = assess(text, references)
            decided_by = "final answer against gt_answer" if references else "nothing"
        samples.append(
            Sample(
                prompt,
                decided_by=decided_by,
                text=text,
                sample_id=number,
                **assessment._asdict(),
            )
        )
    return samples


def _yaml(path: Path, reading: Reading) -> Iterator[Record]:
    import yaml

    data = document(path, reading)
    if isinstance(data, BadRecord):
        yield Record(str(path), data)
        return
    try:
        content = _yaml_value(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or str(error).splitlines()[0]
        yield Record(f"{path}{line}", BadRecord(f"not valid YAML ({why})"))
        return
    except UnicodeDecodeError:
        yield Record(str(path), BadRecord("not valid YAML (it is not UTF-8)"))
        return
    except BadRecord as problem:
        yield Record(str(path), problem)
        return
    problems = content if isinstance(content, list) else [content]
    for problem in problems:
        if isinstance(problem, dict):
            yield Record(str(path), problem)
        else:
            yield Record(
                str(path), BadRecord("no problem with its samples, but another YAML value")
            )


def _yaml_value(data: bytes) -> Any:
    """The value of a YAML document, all scalars as texts.

    Scalars stay as written: an answer 007 or 1:30 is not YAML's number. Built from events, as the
    fast loader of the library overflows the stack on deeply nested input.
    """
    import yaml

    anchors: dict[str, Any] = {}
    root: list[Any] = []
    opened: list[list[Any] | dict[str, Any]] = [root]
    keys: list[Any] = [None]

    def add(value: Any) -> None:
        parent = opened[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif keys[-1] is None:
            keys[-1] = value if isinstance(value, str) else "?"
        else:
            parent[keys[-1]] = value
            keys[-1] = None

    for event in yaml.parse(data, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
        if isinstance(event, yaml.CollectionEndEvent):
            opened.pop()
            keys.pop()
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise BadRecord(f"not valid YAML (unknown alias {values.shown(event.anchor)})")
            add(anchors[event.anchor])
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        value: Any = event.value if isinstance(event, yaml.ScalarEvent) else []
        value = {} if isinstance(event, yaml.MappingStartEvent) else value
        add(value)
        if event.anchor is not None:
            anchors[event.anchor] = value
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(value)
            keys.append(None)
            if len(opened) > _DEEPEST:
                raise BadRecord("not valid YAML (nested too deeply)")
    return root[0] if root else None


FORMAT = Format(
    read,
    "a record of Large Language Monkeys",
    frozenset({"correct_above"}),
    lambda first: "samples" in first and bool({*_VERDICTS, "gt_answer"} & first.keys()),
)
