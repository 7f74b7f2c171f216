"""The tables of docs/learners/comparison.md that are made from docs/runs/zoo and zoo-overfit.

`docs/generated.py` puts them into the page. A method that was given more than the others is refused
while the run is made (`verigap.sim.planted.methods.spending`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from method_tables import put

RUNS = Path(__file__).resolve().parent / "runs"
PAGE = "comparison.md"
_SELECTIONS = (
    "best-of-n",
    "weighted-vote",
    "pessimistic-best-of-n",
    "until-accepted",
    "guided-beam",
)


@cache
def _settings(run: str) -> tuple:
    from verigap.sim.planted.methods.compared import compare_settings, is_compared
    from verigap.sim.sweeps import read_rows

    return compare_settings([row for row in read_rows(RUNS / run) if is_compared(row)])


def _block(name: str, run: str = "zoo") -> list:
    return [setting for setting in _settings(run) if setting.block == name]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _interval(value, digits: int = 2, sign: str = "") -> str:
    form = f"{sign}.{digits}f"
    return f"{value.estimate:{form}} [{value.low:{form}}, {value.high:{form}}]"


def _name(setting) -> str:
    return f"{setting.family}, H = {setting.horizon}"


def _winners() -> list[str]:
    lines = _head(
        "heterogeneity", "verifier", "best method", "tokens earned", "lead over the next", "next",
        "first in resamples, %", "training FLOPs", "tokens an answer", "FLOPs an answer",
    )  # fmt: skip
    for setting in _block("methods"):
        for winner in setting.winners:
            spent = winner.point.spent
            lines.append(
                _row(
                    _name(setting),
                    winner.verifier or "none",
                    f"`{winner.point.method}`",
                    _interval(winner.point.value),
                    _interval(winner.lead),
                    f"`{winner.runner_up}`",
                    f"{100 * winner.share_first:.0f}",
                    f"{spent.training_flops:.1e}",
                    f"{spent.answer_tokens:.0f}",
                    f"{spent.answer_flops:.1e}",
                )
            )
    return lines


def _methods() -> list[str]:
    settings = _block("methods")
    lines = _head(
        "method",
        "verifier",
        *(f"{_name(setting)}" for setting in settings),
        f"samples, {_name(settings[0])}",
    )
    for point in settings[0].points:
        found = [setting.point(point.method, point.verifier) for setting in settings]
        lines.append(
            _row(
                f"`{point.method}`",
                point.verifier or "–",
                *(_interval(each.gain, sign="+") for each in found),
                f"{point.spent.answer_tokens / settings[0].horizon:.1f}",
            )
        )
    reference = [setting.point("vote").value for setting in settings]
    pairs = zip(settings, reference, strict=True)
    experts = [f"{setting.expert - vote.estimate:+.2f}" for setting, vote in pairs]
    lines.append(_row("the expert", "–", *experts, "1.0"))
    lines.append(_row("earned by the vote", "–", *(f"{v.estimate:.2f}" for v in reference), "8.0"))
    return lines


def _trainings(settings: list, what: str, kinds: dict[str, str], shown) -> list[str]:
    """A row for each training of each setting, a column for each step, `shown` of the points."""
    steps = [point.at for point in settings[0].curves["training", next(iter(kinds))]]
    lines = _head("heterogeneity", what, *(f"{step:.0f} steps" for step in steps))
    for setting in settings:
        for name, kind in kinds.items():
            lines.append(_row(_name(setting), kind, *map(shown, setting.curves["training", name])))
    return lines


def _passes(settings: list) -> list[str]:
    return _trainings(
        settings,
        "loss",
        {"cloning": "log-loss", "limited-cloning": "limited"},
        lambda p: f"{100 * p.pass_at_n.estimate:.1f} ({p.value.estimate:.2f})",
    )


def _reinforcement() -> list[str]:
    return _trainings(
        _block("methods"),
        "GRPO",
        {"reinforcement": "plain", "exploration": "exploring"},
        lambda p: f"{p.value.estimate:.2f} / {p.promised:.2f}",
    )


def _best_of_n(setting, names: tuple[str, ...]) -> list[str]:
    lines = []
    for name in names:
        points = setting.curves["best-of-n", name]
        promised = ["" if name == "exact" else f" / {p.promised:.2f}" for p in points]
        earned = [f"{p.value.estimate:.2f}" for p in points]
        shown = (a + b for a, b in zip(earned, promised, strict=True))
        lines.append(_row(_name(setting), f"best-of-N, {name}", *shown))
    return lines


def _over_candidates() -> list[str]:
    lines: list[str] = []
    for setting in _block("methods"):
        numbers = [point.at for point in setting.curves["vote", ""]]
        if not lines:
            lines = _head("heterogeneity", "choice", *(f"N = {n:.0f}" for n in numbers))
        lines.append(
            _row(
                _name(setting),
                "vote",
                *(f"{point.value.estimate:.2f}" for point in setting.curves["vote", ""]),
            )
        )
        lines += _best_of_n(setting, ("exact", "learned", "erring"))
    for setting in _block("verifiers"):
        lines += _best_of_n(setting, tuple(setting.verifiers))
    return lines


def _verifiers() -> list[str]:
    lines = _head(
        "heterogeneity", "verifier", "labels", "false positives, %", "false negatives, %",
        "correlation", *(f"`{name}`" for name in _SELECTIONS), "`until-accepted`: correct, %",
        "by the chain, %",
    )  # fmt: skip
    blocks = [s for s in _block("methods") if s.horizon == _block("verifiers")[0].horizon]
    for setting in [*blocks, *_block("verifiers")]:
        for name, found in setting.verifiers.items():
            lines.append(
                _row(
                    _name(setting),
                    name,
                    f"{found['labels']:.0f}",
                    f"{100 * found['false_positive']:.1f}",
                    f"{100 * found['false_negative']:.1f}",
                    f"{found['correlation']:.2f}",
                    *(_interval(setting.point(each, name).gain, 1, "+") for each in _SELECTIONS),
                    f"{100 * setting.point('until-accepted', name).success.estimate:.1f}",
                    f"{100 * setting.corrections[name]:.1f}",
                )
            )
    for setting in blocks:
        gain = _interval(setting.point("cloning, vote").gain, 1, "+")
        lines.append(_row(_name(setting), "cloning, vote", *["–"] * 4, gain, *["–"] * 6))
    return lines


def zoo_part(text: str) -> str:
    """The page with every table of the run."""
    for name, lines in (
        ("winners in the planted game", _winners()),
        ("methods in the planted game", _methods()),
        ("pass at N while cloning trains", _passes(_block("methods"))),
        ("pass at N of an overfitted clone", _passes(_block("overfit", "zoo-overfit"))),
        ("reinforcement over steps", _reinforcement()),
        ("best-of-N over N", _over_candidates()),
        ("verifiers that err", _verifiers()),
    ):
        text = put(PAGE, text, name, lines)
    return text
