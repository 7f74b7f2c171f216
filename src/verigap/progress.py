"""The progress bar of a sweep or of another long command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verigap.sim.runs import Progress


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
