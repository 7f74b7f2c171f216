"""What every result shares: it draws itself, and shows as tables in a notebook."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from verigap.notebook import Table, html_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verigap.llm_validation.intervals import Statistic


class Shown:
    """A result that draws itself, and shows as a table in a notebook."""

    @abstractmethod
    def tables(self) -> Iterable[Table]:
        """What a notebook shows."""

    @abstractmethod
    def plot(self) -> Figure:
        """The result as a figure; `figure.savefig(path)` keeps it."""

    def _repr_html_(self) -> str:
        return html_tables(self.tables())


_Kind = TypeVar("_Kind", bound=Shown)


def shown(kind: type[_Kind], result: Any) -> _Kind:
    """A dataclass of a room below as its subclass that draws itself."""
    return kind(**{field.name: getattr(result, field.name) for field in fields(result)})


def group_title(dataset: str, model: str) -> str:
    """What a (dataset, model) is called."""
    return " ".join(part for part in (dataset, model) if part) or "traces"


def spanned_text(value: Statistic) -> str:
    """An estimate with its interval; a dash where there is none."""
    if value.low != value.low:
        return "–" if value.estimate != value.estimate else f"{value.estimate:.4g}"
    return f"{value.estimate:.4g} [{value.low:.4g}, {value.high:.4g}]"
