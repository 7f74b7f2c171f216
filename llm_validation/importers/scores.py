"""Scores as Inspect logs them: which scorer decides, what its values mean, what it reports."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from verigap.llm_validation.importers import deciding, values
from verigap.llm_validation.importers.records import Parsed, Stated, UnclearVerdict

# As Inspect's own value_to_float does; N is "no answer".
_LETTERS = {"C": 1.0, "I": 0.0, "N": 0.0, "P": 0.5}
_MEANS = ("accuracy", "mean")
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


class Score(NamedTuple):
    """What one scorer, or one key of its value, says of a sample."""

    value: object
    answer: str | None
    is_key: bool = False

    @property
    def number(self) -> float | None:
        """The value as a number; None where it is none."""
        if isinstance(self.value, str):
            letter = _LETTERS.get(self.value, _WORDS.get(self.value.lower()))
            return values.score(self.value) if letter is None else letter
        return float(self.value) if isinstance(self.value, bool) else values.score(self.value)

    def lenient(self, above: float | None) -> bool | None:
        """The verdict; None where the value is none."""
        if self.number is None:
            return None
        if above is not None:
            return self.number > above
        return self.number == 1.0 if self.number in (0.0, 1.0) else None

    def verdict(self, name: str, above: float | None, others: Sequence[str]) -> bool | None:
        """The verdict; None where there is no value.

        Raises:
          UnclearVerdict: a number other than 0 and 1, without `above`, or another value.
        """
        if self.value is None or (isinstance(self.value, float) and math.isnan(self.value)):
            return None
        correct = self.lenient(above)
        if correct is None:
            number, others = self.number, [n for n in others if n != name]
            shown = values.shown(self.value) if number is None else f"{number:g}"
            raise UnclearVerdict(f"score {name}", shown, number is not None, others)
        return correct


def flattened(scores: object) -> dict[str, Score]:
    """Scores by scorer, and by SCORER.KEY where a value is an object."""
    found: dict[str, Score] = {}
    for name, score in values.mapping(scores or {}, "scores").items():
        content = values.mapping(score, f"score {name}")
        value, answer = content.get("value"), content.get("answer")
        answer = answer if isinstance(answer, str) else None
        if isinstance(value, dict):
            found |= {f"{name}.{key}": Score(entry, answer, True) for key, entry in value.items()}
        else:
            found[name] = Score(value, answer)
    return found


def choose(
    records: Sequence[Mapping[str, Score]], asked: str | None, above: float | None
) -> str | None:
    """The scorer that decides: the one asked for, else the first whose values are all verdicts.

    As in `deciding.choose`, one that speaks of form does not decide, and none takes the place of
    one that speaks of correctness.

    Args:
      records: the scores of the first samples of a log.
      asked: what the user chose.
      above: the threshold, with which every number is a verdict.

    Returns:
      None where the log has no scores.

    Raises:
      ValueError: no scorer has the name, only keys of objects or scores of form are there to choose
        from, or the values of the one that speaks of correctness are no verdicts.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    if asked is not None:
        if asked not in names:
            listed = ", ".join(names) or "none"
            raise ValueError(f"scorer: the log has no {asked!r}; it has {listed}")
        return asked
    keys = {name for record in records for name, score in record.items() if score.is_key}
    whole = [name for name in names if name not in keys]
    if names and not whole:
        raise ValueError(f"scorer: the scores are objects; choose one of {', '.join(names)}")
    deciding.refuse_form(whole, "scorer")
    whole = [name for name in whole if not deciding.speaks_of_form(name)]
    clear = [
        name
        for name in whole
        if all(record[name].lenient(above) is not None for record in records if name in record)
    ]
    chosen = next(iter([*clear, *whole]), None)
    unclear = {
        name: [record[name].value for record in records if name in record]
        for name in whole
        if name not in clear and above is None
    }
    deciding.refuse_in_place_of(chosen, unclear, "scorer")
    return chosen


def stated(header: Mapping[str, Any], scorer: str | None, place: str) -> Iterator[Parsed]:
    """The accuracy that the log states for the scorer, if it does."""
    results = header.get("results")
    results = results if isinstance(results, dict) else {}
    entries = results.get("scores")
    total, completed = (results.get(f"{name}_samples") for name in ("total", "completed"))
    # Of a prompt with failed samples the mean over the others counts as much as any prompt's.
    of = "a mean over prompts, some samples of which failed" if total != completed else ""
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        if scorer not in (entry.get("name"), f"{entry.get('scorer')}.{entry.get('name')}"):
            continue
        metrics = entry.get("metrics")
        for name in _MEANS:
            mean = metrics.get(name) if isinstance(metrics, dict) else None
            value = values.stated(mean.get("value")) if isinstance(mean, dict) else None
            if value is not None:
                stated = Stated(f"scorer {scorer}", f"{name} of {scorer}", value, of)
                yield Parsed(place, stated)
                return
