"""Which of several scores in a log decides whether a reply is correct."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from verigap.llm_validation.importers import values

_RIGHT = re.compile(r"acc|correct|right|exact|match|verif|pass|solve", re.IGNORECASE)
_FORM = re.compile(r"format|length|len|tag|repet|overlong|turns|style|xml|has_", re.IGNORECASE)


def choose(
    scores: Iterable[Mapping[str, object]],
    asked: str | None,
    above: float | None,
    order: Sequence[str] = (),
) -> str | None:
    """The score that decides: the one asked for, else by order, by values and by name.

    A score whose values are all 0 and 1 goes before one with others; with `above`, one with numbers
    before one with verdicts. A name that speaks of correctness goes before one that does not, and
    that before one that speaks of form.

    Args:
      scores: those of the first replies, by name; lists have an entry a reply.
      asked: what the user chose.
      above: the threshold.
      order: names that go before all others.

    Returns:
      None where there are no scores.

    Raises:
      ValueError: none has the name asked for, or several are equally good.
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

    def rank(name: str) -> tuple[bool, int]:
        fits = all(map(clear, known[name])) if above is None else any(map(_number, known[name]))
        if name in order:
            return not fits, order.index(name) - len(order)
        form = bool(_FORM.search(name))
        return not fits, 2 if form else 0 if _RIGHT.search(name) else 1

    ranked = sorted(known, key=lambda name: (rank(name), name))
    best = [name for name in ranked if rank(name) == rank(ranked[0])]
    if len(best) > 1:
        raise ValueError(
            f"metric: the log has several scores that could decide ({', '.join(best)}); choose one"
        )
    return next(iter(best), None)


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
