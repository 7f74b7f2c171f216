"""HELM: verdicts in `per_instance_stats.json`, texts in `scenario_state.json` beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.deciding import choose, lenient
from verigap.llm_validation.importers.grading import NO_VERDICT
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    LeftOut,
    Parsed,
    Reading,
    Record,
    Sample,
    Stated,
    parse_each,
)
from verigap.llm_validation.importers.rows import rows, whole
from verigap.storage.tables import TableError

_STATS, _STATE = "per_instance_stats.json", "scenario_state.json"
# In order of preference; the loose ones last.
_METRICS = (
    "math_equiv_chain_of_thought", "math_equiv", "final_number_exact_match", "exact_match",
    "quasi_exact_match", "chain_of_thought_correctness", "ifeval_strict_accuracy",
)  # fmt: skip

Key = tuple[str, int, str]


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The completions of each run; one of its two files names it."""
    # Places name a file that was given, which need not be the one with the texts.
    for folder, given in {path.parent: path for path in reversed(paths)}.items():
        for name in (_STATS, _STATE):
            if not (folder / name).is_file():
                raise TableError(
                    f"{folder / name}: no such file; HELM keeps verdicts in {_STATS} and texts in "
                    f"{_STATE}, and both have to lie in one folder"
                )
        yield from _run(folder, given, options, reading)


def _run(folder: Path, path: Path, options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    stats = _stats(folder / _STATS, reading)
    known = [{n: v for n, v in entry.items() if n in _METRICS} for entry in stats.values()]
    metric = choose(
        stats.values() if options.metric is not None or not any(known) else known,
        options.metric,
        options.correct_above,
        _METRICS,
    )
    state = whole(folder / _STATE, reading)
    spec = state.get("adapter_spec")
    spec = spec if isinstance(spec, dict) else {}
    parse = partial(_sample, stats=stats, metric=metric, above=options.correct_above, spec=spec)
    records = (
        Record(f"{path}, request {number}", request)
        for number, request in enumerate(
            values.listing(state.get("request_states"), "request_states"), 1
        )
    )
    yield from parse_each(records, parse)
    yield from _stated(folder, metric, path)


def _stats(path: Path, reading: Reading) -> dict[Key, dict[str, object]]:
    found: dict[Key, dict[str, object]] = {}
    for place, content in rows(path, reading):
        if not isinstance(content, dict):
            raise TableError(f"{place}: {content}; check the file")
        entry = found.setdefault(_key(content, content), {})
        for stat in values.listing(content.get("stats"), "stats"):
            name = stat.get("name") if isinstance(stat, dict) else None
            if isinstance(name, dict) and isinstance(name.get("name"), str):
                entry[name["name"]] = stat.get("mean", stat.get("sum"))
    return found


def _key(record: Mapping[str, Any], instance: Mapping[str, Any]) -> Key:
    name = instance.get("instance_id", instance.get("id"))
    trial = values.count(record.get("train_trial_index", 0), "train_trial_index") or 0
    perturbation = instance.get("perturbation")
    changed = json.dumps(perturbation, sort_keys=True, default=str) if perturbation else ""
    return values.identifier(name, "instance id"), trial, changed


def _sample(
    request: object,
    stats: Mapping[Key, Mapping[str, object]],
    metric: str | None,
    above: float | None,
    spec: Mapping[str, Any],
) -> list[Sample]:
    record = values.mapping(request, "a request")
    instance = values.mapping(record.get("instance"), "instance")
    key = _key(record, instance)
    result = record.get("result")
    completions = result.get("completions") if isinstance(result, dict) else None
    if not completions:
        raise LeftOut("a request that failed")
    # HELM judges the first completion alone.
    first = values.mapping(values.listing(completions, "completions")[0], "a completion")
    text = values.text(first.get("text") or "", "text of a completion")
    tokens = first.get("tokens")
    said = stats.get(key, {})
    value = said.get(metric) if metric else None
    correct = values.verdict(value, metric or "", above)
    sent = record.get("request")
    model = spec.get("model")
    kept = {name: spec[name] for name in ("temperature", "max_tokens") if name in spec}
    return [
        Sample(
            key[0] if not key[2] else f"{key[0]} {key[2]}",
            correct,
            f"metric {metric}" if value is not None else "nothing",
            model=model if isinstance(model, str) else "",
            sample_id=key[1],
            text=text,
            answer=extract_answer(text),
            n_tokens=len(tokens) if isinstance(tokens, list) and tokens else None,
            sampling=values.parameters(kept or (sent if isinstance(sent, dict) else {})),
            verdicts={name: lenient(said[name], above) for name in _METRICS if name in said},
            reason=NO_VERDICT if correct is None else None,
        )
    ]


def _stated(folder: Path, metric: str | None, path: Path) -> Iterator[Parsed]:
    """The mean in stats.json, which is one over trials, as is that over all samples."""
    if not (folder / "stats.json").is_file():
        return
    for _, content in rows(folder / "stats.json", Reading([])):
        name = content.get("name") if isinstance(content, dict) else None
        if not isinstance(name, dict) or name.get("name") != metric or name.get("perturbation"):
            continue
        value = values.stated(content.get("mean"))
        if value is not None:
            yield Parsed(str(path), Stated(f"metric {metric}", f"mean {metric}", value))
            return


FORMAT = Format(
    read,
    "a run of HELM",
    frozenset({"metric", "correct_above"}),
    lambda first: (
        {"adapter_spec", "request_states"} <= first.keys()
        or {"instance_id", "stats"} <= first.keys()
    ),
)
