"""The one way to the terminal: what files, names and errors hold is shown and never obeyed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

# Controls but line feeds and tabs, marks that are not seen or turn text around, half characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


class OutputError(OSError):
    """A stream of the process that cannot be written, such as a file on a full disk."""


@contextlib.contextmanager
def _named(stream: str) -> Iterator[None]:
    """Say which stream could not be written, which its errors do not."""
    try:
        yield
    except OSError as error:
        what = f"cannot write to standard {stream}: {error.strerror or error}"
        raise OutputError(error.errno, what) from None


def visible(text: str) -> str:
    r"""A text without characters that a terminal obeys, each replaced by a question mark.

    Line feeds and tabs stay, as those of our own messages do.

    Example:
      >>> visible("red: \x1b[31m!")
      'red: ?[31m!'
    """
    return _HIDDEN.sub("?", text)


def one_line(text: str) -> str:
    r"""A name out of a file, which shall not begin a line of its own.

    Example:
      >>> one_line("a\nverigap: all is well")
      'a?verigap: all is well'
    """
    return visible(text).replace("\n", "?").replace("\t", "?")


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line on stdout, or with `err` on stderr."""
    with _named("error" if err else "output"):
        typer.echo(visible(str(text)), err=err)


def make_console(**options: Any) -> Console:
    """A console for tables and progress bars that shows texts as `visible` does."""
    # Late, as it takes a while to import.
    from rich.console import Console
    from rich.segment import Segment

    class Clean(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            with _named("error" if self.stderr else "output"):
                super().print(*objects, **options)

        def render(self, renderable: Any, options: Any = None) -> Any:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(text), style, control)

    return Clean(**options)
