"""Where a group stands, and what would move it, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.content import statistic_content
from verigap.llm_validation.predicting.standing import GroupStanding
from verigap.llm_validation.reporting.numbers import number, percent, spanned
from verigap.storage.units import LengthUnit
from verigap.theory.frontier import IN_WORDS, Move, Verdict

_ORDER = ("data_budget", "horizon", "expert_sd", "coverage", "class_radius", "log2_class_size")
_WHOLE = ("data_budget", "horizon")
_DIGITS = 1e-4


def standing_content(standing: GroupStanding, unit: LengthUnit) -> dict[str, Any]:
    """Who leads, why, and every parameter's move, ready for report.json and for the page.

    Args:
      standing: of the group.
      unit: that budgets and returns count.

    Returns:
      `sentence`: the one line; `bounds` and `game`: verdicts with a `side`, a `lead`, the share of
      the replicates that `agrees` and a `sentence`, None where unknown; `rows`: one a parameter,
      with its `now` and, by verdict, what it does; `uncertainty`: what the intervals hold.
    """
    verdicts = {"bounds": standing.bounds, "game": standing.game}
    return {
        "sentence": _sentence(standing, unit),
        "bounds": None
        if standing.bounds is None
        else _verdict(standing.bounds, standing.agreement["bounds"], _bounds_sentence(standing)),
        "game": _verdict(standing.game, standing.agreement["game"], _game_sentence(standing)),
        "cloning": standing.cloning,
        "verifying": standing.verifying,
        "log2_class_size": statistic_content(standing.log2_class_size),
        "longest": standing.longest,
        "rows": [
            _row(name, verdicts, standing, unit)
            for name in _ORDER
            if any(verdict and _moves(verdict, name) for verdict in verdicts.values())
        ],
        "uncertainty": _uncertainty(standing),
    }


def _verdict(verdict: Verdict, agrees: float, sentence: str) -> dict[str, Any]:
    return {
        "side": verdict.side,
        "lead": verdict.lead,
        "margin": verdict.margin,
        "agrees": agrees,
        "sentence": sentence,
    }


def _moves(verdict: Verdict, name: str) -> Move | None:
    return next((move for move in verdict.moves if move.parameter == name), None)


def _row(
    name: str, verdicts: Mapping[str, Verdict | None], standing: GroupStanding, unit: LengthUnit
) -> dict[str, Any]:
    """One parameter: its value, and what it can do to either verdict."""
    found: dict[str, Any] = {"parameter": name, "name": _named(name, unit), "text": ""}
    for which, verdict in verdicts.items():
        move = None if verdict is None else _moves(verdict, name)
        if move is None or verdict is None:
            found[which] = None
            continue
        found |= {"now": move.value, "text": _value(name, move.value)}
        interval = standing.intervals.get((which, name))
        found[which] = {
            "at": move.at,
            "factor": move.factor,
            "low": math.nan if interval is None else interval.low,
            "high": math.nan if interval is None else interval.high,
            "becomes": move.becomes,
            "converged": move.converged,
            "searched": list(move.searched),
            "halved": move.halved,
            "doubled": move.doubled,
            "text": _move_text(move, interval),
        }
    return found


def _named(name: str, unit: LengthUnit) -> str:
    return _in_words(name) + (f" ({unit})" if name in ("horizon", "expert_sd") else "")


def _in_words(name: str) -> str:
    """A parameter; the radius of a leash in KL, which a request may give, is another number."""
    return IN_WORDS[name] + (" (chi-square)" if name == "class_radius" else "")


def _move_text(move: Move, interval: Statistic | None) -> str:
    """What a parameter does, in words: "× 7.6 [6.6, 9.2], to 0.17: verifying leads"."""
    if move.factor is None or move.at is None:
        low, high = (_value(move.parameter, end) for end in move.searched)
        return f"nothing from {low} to {high}"
    factor = _factor(move.factor, interval)
    leads = "neither leads" if move.becomes == "neither" else f"{move.becomes} leads"
    unsure = "" if move.converged else " (the search did not converge)"
    return f"× {factor}, to {_value(move.parameter, move.at)}: {leads}{unsure}"


def _value(parameter: str, value: float) -> str:
    """A value of a parameter; of traces and budgets a whole number."""
    return f"{value:,.0f}" if parameter in _WHOLE else number(value)


def _factor(estimate: float, interval: Statistic | None) -> str:
    return number(estimate) if interval is None else spanned(interval, _end)


def _end(value: float) -> str:
    return "none" if value == math.inf or value == 0 else number(value)


def _bounds_sentence(standing: GroupStanding) -> str:
    verdict = standing.bounds
    assert verdict is not None, "a verdict of the bounds"
    return f"{_smaller_bound(verdict)}. That is advice and no proof."


def _smaller_bound(verdict: Verdict) -> str:
    if verdict.side == "neither":
        return "Both sides have the same upper bound"
    ratio = number(math.exp(abs(verdict.lead)))
    return f"{verdict.side.capitalize()} has the smaller upper bound, by a factor {ratio}"


def _game_sentence(standing: GroupStanding) -> str:
    earned = (
        f"cloning earns {percent(_short_of_one(standing.cloning))} of what the expert adds, "
        f"verifying {percent(_short_of_one(standing.verifying))}"
    )
    side = standing.game.side
    if side != "neither":
        return f"In the relabelling game on these laws {side} leads: {earned}."
    least = percent(standing.game.margin)
    both = "" if standing.cloning < 0.5 else ", as both have learned nearly all"
    if standing.cloning < 0.5 and max(standing.cloning, standing.verifying) < 0.05:
        both = ", as neither has learned much"
    return (
        f"In the relabelling game on these laws neither leads by {least} of it or more{both}: "
        f"{earned}."
    )


def _short_of_one(share: float) -> float:
    """Shares that differ from 0 or 1 by less than what is written of them are these."""
    return round(share, 4) if min(share, 1 - share) > _DIGITS else float(round(share))


def _sentence(standing: GroupStanding, unit: LengthUnit) -> str:
    """One line: where it is looked at, both verdicts, and the nearest moves."""
    parts = []
    if standing.bounds is not None:
        bound = _smaller_bound(standing.bounds)
        parts.append(
            f"{bound[0].lower()}{bound[1:]} (advice, no proof); "
            + _what_moves(standing.bounds, "bounds", standing, unit)
        )
    game = standing.game
    who = "neither leads" if game.side == "neither" else f"{game.side} leads"
    parts.append(
        f"in the relabelling game on these laws {who}; " + _what_moves(game, "game", standing, unit)
    )
    first, *more = parts
    text = ". ".join([first, *(part[0].upper() + part[1:] for part in more)])
    return f"{_place(standing)}, {text}."


def _place(standing: GroupStanding) -> str:
    """The values that the command line shows nowhere else, or in another divergence."""
    n, kappa = (_moves(standing.game, name) for name in ("data_budget", "class_radius"))
    parts = [] if n is None else [f"n = {_value('data_budget', n.value)}"]
    parts += [] if kappa is None else [f"leash chi-square {number(kappa.value)}"]
    size = f"d = {number(standing.log2_class_size.estimate)} bits"
    return f"At {' and '.join(filter(None, [', '.join(parts), size]))}"


def _what_moves(verdict: Verdict, which: str, standing: GroupStanding, unit: LengthUnit) -> str:
    """The nearest move, and those parameters that change nothing."""
    moving = [move for move in verdict.moves if move.factor is not None]
    still = [move for move in verdict.moves if move.factor is None]
    names = _listed([_in_words(move.parameter) for move in still])
    if not moving:
        return f"no change of {names} that was looked at would move that"
    nearest = min(moving, key=lambda move: abs(math.log(move.factor or 1.0)))
    factor = _factor(nearest.factor or 1.0, standing.intervals.get((which, nearest.parameter)))
    leads = "neither side" if nearest.becomes == "neither" else nearest.becomes
    at = _value(nearest.parameter, nearest.at or math.nan)
    text = f"{_in_words(nearest.parameter)} × {factor} ({at}) would put {leads} ahead"
    return f"{text}, while no change of {names} that was looked at would" if still else text


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _uncertainty(standing: GroupStanding) -> str:
    """What the intervals of the factors hold, and what they do not."""
    size = standing.log2_class_size
    d = f"d = {spanned(size)} bits"
    if not any(share == share for share in standing.agreement.values()):
        return f"With one prompt there are no intervals; {d} is held."
    agreed = " and ".join(
        f"{percent(share)} of them with the verdict of the {which}"
        for which, share in standing.agreement.items()
        if share == share
    )
    return (
        "Intervals are 95 % bootstrap intervals over prompts; the replicates agree on the side, "
        f"{agreed}. They hold {d}, the coverage of the median prompt and the leash; factors "
        "without brackets have no interval, and an end “none” is one at which no factor does it. "
        "Moves of the game are interpolated between powers of two."
    )
