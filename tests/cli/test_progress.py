"""One bar serves every long command, fed by one type of progress."""

import pytest

from verigap.cli import progress as module
from verigap.cli.progress import ProgressBar
from verigap.storage.progress import Progress

SAMPLING = Progress(3, 15, produced=900, rate=12.34, eta=75.0)


def test_a_bar_shows_amount_detail_and_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("sweep", quiet=False) as bar:
        bar(Progress(3, 10, failed=1, doing="compiling"))
    shown = capsys.readouterr().err
    assert "sweep: compiling" in shown
    assert "4/10" in shown
    assert "cells, elapsed" in shown


def test_a_bar_counts_cells_and_is_as_long_as_the_share_of_the_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with ProgressBar("sweep", quiet=False) as bar:
        bar(Progress(0, 200, doing="compiling", eta=75.0, share=0.5))
        assert bar.bar is not None
        (task,) = bar.bar.tasks
        assert (task.completed, task.total) == (100.0, 200)
        # Counted down until it is told anew.
        now[0] += 15.0
    shown = capsys.readouterr().err
    assert "0/200" in shown
    assert "0:01:15" in shown
    assert "0:01:00" in shown


def test_bytes_are_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    detail = lambda progress: f"{progress.produced:,} samples"  # noqa: E731
    with ProgressBar("import", quiet=False, amount="bytes", detail=detail) as bar:
        bar(Progress(500_000, 1_000_000, produced=1234))
    shown = capsys.readouterr().err
    assert "0.5/1.0 MB" in shown
    assert "1,234 samples, elapsed" in shown


def test_lines_where_no_bar_can_be_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LINE_SECONDS", 0.0)
    detail = lambda progress: f"samples, {progress.rate:.1f} tokens/s"  # noqa: E731
    with ProgressBar("sample", quiet=False, detail=detail, estimated=True, lines=True) as bar:
        bar(SAMPLING)
    with ProgressBar(
        "finetune", quiet=False, amount="share", detail=lambda at: at.doing, lines=True
    ) as bar:
        bar(Progress(1, 4, doing="reading"))
    assert capsys.readouterr().err.splitlines() == [
        "sample: 3 of 15 samples, 12.3 tokens/s, 0:01:15 left",
        "finetune: 25%, reading, ? left",
    ]


def test_nothing_is_shown_early_or_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, patience in ((True, 0.0), (False, 60.0)):
        with ProgressBar("import", quiet=quiet, patience=patience) as bar:
            bar(SAMPLING)
    assert capsys.readouterr().err == ""
