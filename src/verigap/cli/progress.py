"""The progress bars of long commands."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    from verigap.storage.progress import Progress

# A shorter wait needs no bar, and a refusal within it is one line and nothing else.
_PATIENCE_SECONDS = 1.0


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


class LateBar(ABC):
    """A bar for work that may be over at once: it appears after a second, and is redrawn seldom.

    Those who inherit say what it looks like (`columns`) and show it when it is `due`.
    """

    def __init__(
        self, title: str, quiet: bool, redraw: float = 0.2, patience: float = _PATIENCE_SECONDS
    ) -> None:
        """Nothing is shown yet.

        Args:
          title: of the bar.
          quiet: show nothing at all.
          redraw: seconds between two drawings.
          patience: seconds before the first.
        """
        self.title, self.quiet, self.redraw = title, quiet, redraw
        self.next = time.monotonic() + patience
        self.bar: RichProgress | None = None
        self.task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    @abstractmethod
    def columns(self) -> tuple[Any, ...]:
        """What stands between the title and the end of the line."""

    def due(self) -> bool:
        """Whether it is time to draw, and if so no more before the next time."""
        now = time.monotonic()
        if self.quiet or now < self.next:
            return False
        self.next = now + self.redraw
        return True

    def draw(self, console: Console, done: int, total: int, **fields: Any) -> None:
        """Show so much of the total, with the fields that the columns want."""
        from rich.progress import Progress, TextColumn

        if self.bar is None:
            self.bar = Progress(TextColumn("{task.description}"), *self.columns(), console=console)
            self.task = self.bar.add_task(self.title, total=total, **fields)
            self.bar.start()
        self.bar.update(self.task, completed=done, refresh=True, **fields)


class ProgressBar:
    """A progress bar with the time left, as a callback."""

    def __init__(self, title: str, quiet: bool, counted: str = "cells") -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{counted}, elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self.title = title
        self.task = self.bar.add_task(title, total=None)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar.live.is_started:
            self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far the sweep has come."""
        # Not before there is something to show: a refusal is one line and no bar.
        self.bar.start()
        self.bar.update(
            self.task,
            description=f"{self.title}: {progress.doing}" if progress.doing else self.title,
            total=progress.total,
            completed=progress.done + progress.failed,
            refresh=True,
        )
