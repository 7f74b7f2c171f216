"""The progress bar of long commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from verigap.cli.output import make_console, one_line, say

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from verigap.storage.progress import Progress

# A shorter wait needs no bar, and a refusal within it is one line and nothing else.
PATIENCE_SECONDS = 1.0
_LINE_SECONDS = 60.0

Amount = Literal["count", "bytes", "share"]


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


class ProgressBar:
    """A progress bar with the time left, as a callback that takes a `Progress`."""

    def __init__(
        self,
        title: str,
        quiet: bool,
        counted: str = "cells",
        *,
        amount: Amount = "count",
        detail: Callable[[Progress], str] | None = None,
        estimated: bool = False,
        lines: bool = False,
        redraw: float = 0.0,
        patience: float = 0.0,
    ) -> None:
        """Nothing is shown before the first call.

        Args:
          title: what the bar is called.
          quiet: show nothing at all.
          counted: what is counted, in the plural.
          amount: how far the work is: so many of so many, bytes, or per cent.
          detail: what stands between that and the times; by default `counted`.
          estimated: whether the work estimates the time left itself.
          lines: write a line a minute where no bar can be drawn.
          redraw: least seconds between two drawings.
          patience: seconds before the first.
        """
        self.title, self.quiet, self.amount = title, quiet, amount
        self.detail = detail or (lambda progress: counted)
        self.estimated = estimated
        self.console = make_console(stderr=True)
        self.lines = lines and not self.console.is_terminal
        self.redraw = _LINE_SECONDS if self.lines else redraw
        self.next = time.monotonic() + (_LINE_SECONDS if self.lines else patience)
        self.bar: RichProgress | None = None
        self.task: Any = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far the work has come, if it is time to."""
        now = time.monotonic()
        if self.quiet or now < self.next:
            return
        self.next = now + self.redraw
        if self.lines:
            self._line(progress)
        else:
            self._draw(progress)

    def _line(self, progress: Progress) -> None:

        amount = f"{progress.done:,} of {progress.total:,}"
        if self.amount == "share":
            amount = f"{progress.done / max(progress.total, 1):.0%},"
        detail, left = self.detail(progress), _left(progress.eta)
        say(f"{self.title}: {amount} {detail}, {left} left", err=True)

    def _draw(self, progress: Progress) -> None:
        now = time.monotonic()
        fields: dict[str, Any] = {
            "detail": self.detail(progress),
            "end": None if progress.eta is None else now + progress.eta,
            "amount": f"{progress.done + progress.failed}/{progress.total}",
        }
        if self.bar is None:
            self.bar = self._new_bar(self.estimated or progress.eta is not None)
            self.task = self.bar.add_task(self.title, total=progress.total, **fields)
            self.bar.start()
        show_doing = self.amount != "share" and progress.doing
        self.bar.update(
            self.task,
            description=one_line(f"{self.title}: {progress.doing}" if show_doing else self.title),
            total=progress.total,
            completed=_completed(progress),
            refresh=True,
            **fields,
        )

    def _new_bar(self, estimated: bool) -> RichProgress:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            ProgressColumn,
            Task,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Left(ProgressColumn):
            """The time left as the work told it, counted down until it tells again."""

            def render(self, task: Task) -> Text:
                end = task.fields["end"]
                left = None if end is None else max(0.0, end - time.monotonic())
                return Text(_left(left), style="progress.remaining")

        amounts = {
            # Not what the bar shows: of a sweep that compiles, no cell is done yet.
            "count": lambda: TextColumn("{task.fields[amount]}", style="progress.download"),
            "bytes": DownloadColumn,
            "share": TaskProgressColumn,
        }
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            amounts[self.amount](),
            TextColumn("{task.fields[detail]}, elapsed", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            Left() if estimated else TimeRemainingColumn(),
            console=self.console,
        )


def _completed(progress: Progress) -> float:
    """How long the bar is, where its whole length is `total`."""
    if progress.share is None:
        return progress.done + progress.failed
    return progress.share * progress.total


def _left(seconds: float | None) -> str:
    return "?" if seconds is None else duration(seconds)


def diagnosis_bar(title: str, quiet: bool) -> ProgressBar:
    """The bar of a diagnosis, which knows its stages and estimates the time left itself."""
    return ProgressBar(
        title, quiet, amount="share", detail=lambda progress: progress.doing, estimated=True
    )
