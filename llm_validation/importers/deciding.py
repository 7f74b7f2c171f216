"""Which of several scores in a log decides whether a reply is correct."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from verigap.llm_validation.importers import values

_RIGHT = re.compile(r"acc|correct|right|exact|match|verif|pass|solve|solution", re.IGNORECASE)
_FORM = re.compile(
    r"format|fmt|length|(?<![a-z])len(?![a-z])|(?<![a-z])tags?(?![a-z])|repet|overlong|turns|style|"
    r"xml|has_",
    re.IGNORECASE,
)
_MOST_VALUES = 6


def choose(
    scores: Iterable[Mapping[str, object]],
    asked: str | None,
    above: float | None,
    order: Sequence[str] = (),
) -> str | None:
    """The score that decides: the one asked for, else by order, by values and by name.

    A score whose values are all 0 and 1 goes before one with others; with `above`, one with numbers
    before one with verdicts. A name that speaks of correctness goes before one that does not. A
    score whose name speaks of form never decides unless it is asked for, and none takes the place
    of one whose name speaks of correctness and whose values are no verdicts.

    Args:
      scores: those of the first replies, by name; lists have an entry a reply.
      asked: what the user chose.
      above: the threshold.
      order: names that go before all others.

    Returns:
      None where there are no scores.

    Raises:
      ValueError: none has the name asked for, several are equally good, all speak of form, or the
        values of the one that speaks of correctness are no verdicts.
    """
    found: dict[str, list[object]] = {}
    for record in scores:
        for name, value in record.items():
            found.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    if asked is not None:
        if asked not in found:
            listed = ", ".join(found) or "none"
            raise ValueError(f"metric: the log has no {asked!r}; it has {listed}")
        return asked
    known = {name: seen for name, seen in found.items() if any(v is not None for v in seen)}

    refuse_form(known)
    known = {name: seen for name, seen in known.items() if not speaks_of_form(name)}

    def rank(name: str) -> tuple[bool, int]:
        fits = all(map(clear, known[name])) if above is None else any(map(_number, known[name]))
        if name in order:
            return not fits, order.index(name) - len(order)
        return not fits, 0 if speaks_of_correctness(name) else 1

    ranked = sorted(known, key=lambda name: (rank(name), name))
    best = [name for name in ranked if rank(name) == rank(ranked[0])]
    if len(best) > 1:
        raise ValueError(
            f"metric: the log has several scores that could decide ({', '.join(best)}); choose one"
        )
    chosen = next(iter(best), None)
    if above is None and chosen != "reward":
        unclear = {name: seen for name, seen in known.items() if not all(map(clear, seen))}
        refuse_in_place_of(chosen, unclear)
    return chosen


def speaks_of_correctness(name: str) -> bool:
    """Whether the name of a score says that it is about right and wrong."""
    return not speaks_of_form(name) and _RIGHT.search(name) is not None


def speaks_of_form(name: str) -> bool:
    """Whether the name of a score says that it is about format, length or style."""
    return _FORM.search(name) is not None


def refuse_form(names: Iterable[str], parameter: str = "metric") -> None:
    """Refuse a log all of whose scores, if it has any, speak of form.

    Args:
      names: of the scores.
      parameter: by which a score is chosen.

    Raises:
      ValueError: all of them do.
    """
    listed = list(names)
    if listed and all(map(speaks_of_form, listed)):
        raise ValueError(
            f"{parameter}: the log's only scores are of form, not of correctness "
            f"({', '.join(listed)}); choose one if it decides all the same"
        )


def refuse_in_place_of(
    chosen: str | None, unclear: Mapping[str, Iterable[object]], parameter: str = "metric"
) -> None:
    """Refuse a score that would take the place of one that speaks of correctness.

    Args:
      chosen: the score that would decide.
      unclear: scores some of whose values are no verdicts, with their values.
      parameter: by which a score is chosen.

    Raises:
      ValueError: one of `unclear` speaks of correctness, and `chosen` does not.
    """
    if chosen is None or speaks_of_correctness(chosen):
        return
    for name, seen in unclear.items():
        if speaks_of_correctness(name):
            distinct = sorted({values.shown(value) for value in seen if value is not None})
            dots = ", ..." if len(distinct) > _MOST_VALUES else ""
            raise ValueError(
                f"{parameter}: {name} is {', '.join(distinct[:_MOST_VALUES])}{dots}, which is not "
                f"only right (1) and wrong (0); give correct_above, or choose another ({chosen})"
            )


def clear(value: object) -> bool:
    """Whether a value is a verdict, or nothing."""
    try:
        values.verdict(value, "")
    except values.UnclearVerdict:
        return False
    return True


def lenient(value: object, above: float | None) -> bool | None:
    """The verdict that a value is; None where it is none."""
    try:
        return values.verdict(value, "", above)
    except values.UnclearVerdict:
        return None


def _number(value: object) -> bool:
    return values.score(value) is not None
