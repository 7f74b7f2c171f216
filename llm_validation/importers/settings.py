"""Settings that samples were drawn with: samples of different settings are no equals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.traces import LENGTH_LIMITS

DRAWING = frozenset({
    "temperature", "top_p", "top_k", "min_p", "typical_p", "do_sample", "repetition_penalty",
    "frequency_penalty", "presence_penalty", "reasoning_effort", "thinking_budget", "budget_tokens",
})  # fmt: skip
"""Settings that change what a model says: different ones are different groups."""
LIMITS = frozenset(LENGTH_LIMITS)
"""Limits of the length, which may be made for each prompt: different ones within a prompt are."""
STEPS = frozenset({"step", "global_step", "training_step", "train_step", "checkpoint"})
"""Columns of a table that tell the policies of a training apart."""

_OBJECTS = frozenset({
    "sampling", "sampling_params", "sampling_parameters", "generation_config", "gen_config",
    "generation_kwargs", "gen_kwargs", "generation_params", "decoding", "params", "parameters",
    "settings", "config", "model_kwargs",
})  # fmt: skip
_ALIASES = {"temp": "temperature", "topp": "top_p", "topk": "top_k", "minp": "min_p"}
_PREFIXES = ("sampling_", "generation_", "decoding_", "gen_")
_PAIR = re.compile(r"(\w+)\s*[=:]\s*([-+.\w]+)")
_LONGEST = 40


def of_row(row: Mapping[str, Any], taken: Iterable[str] = (), steps: bool = True) -> str | None:
    """The settings in the columns of a row as one line of JSON, or None where it has none.

    Args:
      row: values by column; an object in one, such as `sampling_params`, is looked into.
      taken: columns that have another meaning.
      steps: whether the steps of a training are among them.
    """
    used = set(taken)
    found: dict[str, str] = {}
    for column, value in row.items():
        name, is_object = _column(column)
        if column in used or not (name or is_object):
            continue
        if is_object:
            found |= _inside(value)
        elif (name not in STEPS or steps) and (shown := _shown(value)) is not None:
            found.setdefault(name, shown)
    return json.dumps(found, sort_keys=True) if found else None


def is_setting(column: str) -> bool:
    """Whether a column holds one setting, such as the temperature."""
    return bool(_column(column)[0])


@lru_cache(maxsize=4096)
def combined(sampling: str | None, settings: str | None) -> str:
    """All that is known of the settings of a sample, as one line of JSON.

    Args:
      sampling: what the log says of them, JSON or words such as "temperature=0.7" or "greedy".
      settings: those of `of_row`.
    """
    found = _inside(sampling) if sampling else {}
    if sampling and not found and not sampling.lstrip().startswith(("{", "[")):
        found = {"sampling": sampling.strip()[:_LONGEST]}
    return json.dumps(found | (json.loads(settings) if settings else {}), sort_keys=True)


def differing(settings: Iterable[str], limits: Iterable[str]) -> list[str]:
    """Names of the settings that differ, of one data set and model.

    Args:
      settings: all that occur, each as `combined` gives it.
      limits: limits of the length that differ within a prompt; others do not count.
    """
    each = [json.loads(entry) for entry in settings]
    names = sorted({name for entry in each for name in entry} - (LIMITS - set(limits)))
    return [name for name in names if len({entry.get(name) for entry in each}) > 1]


def label(settings: str, names: Iterable[str]) -> str:
    """What tells samples of these settings apart, as "temperature 0.7"."""
    known = json.loads(settings)
    return ", ".join(f"{name} {known.get(name, 'unset')}" for name in names)


@lru_cache(maxsize=4096)
def _column(column: str) -> tuple[str, bool]:
    """The setting that a column holds, or "", and whether it holds an object of several."""
    name = column.lower().replace("-", "_").replace(" ", "_")
    if name in _OBJECTS:
        return "", True
    short = next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)
    for form in (_ALIASES.get(each, each) for each in (name, short)):
        if form in DRAWING | LIMITS or (form == name and form in STEPS):
            return form, False
    return "", False


def _inside(value: object) -> dict[str, str]:
    """The settings in an object, in JSON, or in words such as "temperature=0.7"."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, str):
        try:
            content = json.loads(value)
        except (ValueError, RecursionError):
            content = None
        pairs = content.items() if isinstance(content, dict) else _PAIR.findall(value)
    elif isinstance(value, dict):
        pairs = value.items()
    named = ((_column(str(key))[0], _shown(entry)) for key, entry in pairs)
    return {name: entry for name, entry in named if name and name not in STEPS and entry}


def _shown(value: object) -> str | None:
    """One form for 0.7, "0.70" and 0.7; None for what says nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    number = values.score(value)
    if number is not None:
        return f"{number:.6g}"
    if isinstance(value, str) and value.strip().lower() not in ("", "nan", "none", "null"):
        return value.strip().lower()[:_LONGEST]
    return None
