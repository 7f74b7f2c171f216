"""The page that a person reads: one HTML file without scripts, links to elsewhere or network."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from verigap.llm_validation.deciding.outcomes import Currency
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.numbers import (
    chance,
    counted,
    number,
    percent,
    spanned,
)
from verigap.llm_validation.reporting.wording import ARMS, Scale
from verigap.storage.units import LengthUnit


class PageFigure(NamedTuple):
    """A figure of the page.

    Attributes:
      name: short and unique within its group.
      svg: the drawing.
      caption: what it shows, in plain words.
      theory: whether it belongs to the folded part about the theory.
    """

    name: str
    svg: bytes
    caption: str
    theory: bool = False

    @property
    def address(self) -> str:
        """The drawing as an image that the page carries; as an image it can run nothing."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def render_page(content: Mapping[str, Any], figures: Sequence[Sequence[PageFigure]]) -> str:
    """The report as HTML.

    Whatever comes from the traces is escaped, and shown without control characters. The page
    forbids itself scripts and connections besides.

    Args:
      content: of `diagnosis_content`.
      figures: of each group, in order.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("verigap.llm_validation.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": lambda value: number(_number(value)),
        "span": lambda value: spanned(Statistic(*map(_number, value.values()))),
        "chance": lambda value: chance(_number(value)),
        "share": lambda value: percent(_number(value)),
        "scaled": lambda value, scale: number(scale * _number(value)),
        "ends": _ends,
        "counted": counted,
        "arm": lambda name: ARMS.get(name, name),
        "margin": _margin,
        "title": group_title,
    }
    environment.tests["known"] = lambda value: math.isfinite(_number(value))
    template = environment.get_template("report.html.j2")
    return template.render(report=content, figures=figures)


def _margin(decision: Mapping[str, Any], currency: Currency, unit: LengthUnit) -> str:
    """The margin of a decision, and where it comes from."""
    scale = Scale(currency=currency, unit=LengthUnit(unit))
    source = decision["margin_source"]
    named = {
        "a tenth of the headroom": "a tenth of what an exact check adds to one sample",
        "one point": "" if currency == "accuracy" else "a hundredth of the largest return",
        "given": "as given",
    }[source]
    return scale.least(decision["margin"]) + (f" ({named})" if named else "")


def _ends(value: Mapping[str, float | None], scale: float) -> str:
    """The interval of a statistic."""
    low, high = (number(scale * _number(value[end])) for end in ("low", "high"))
    return f"[{low}, {high}]"


def printable(value: object) -> object:
    """Text without the characters that are not seen, and may reorder or hide what is."""
    if type(value) is not str:
        return value
    hidden = "\N{REPLACEMENT CHARACTER}"
    return "".join(c if c.isprintable() or c in "\n\t" else hidden for c in value)


def group_title(group: Mapping[str, Any]) -> str:
    """What a group is called."""
    return " · ".join(part for part in (group["dataset"], group["model"]) if part) or "traces"


def asked_of(group: Mapping[str, Any]) -> str:
    """What the decisions of a group are about: H, N, and of training n and the leash."""
    horizon, train = group["budget"]["horizon"], group["train"]
    parts = ["whole samples" if horizon is None else f"H = {horizon:,} {group['unit']}"]
    if train is not None:
        parts += [f"n = {train['data_budget']:,}", f"leash {train['leashes'][0]}"]
    return ", ".join([*parts, f"N = {group['select']['num_candidates']:,}"])


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
