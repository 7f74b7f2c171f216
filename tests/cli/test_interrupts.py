"""Whatever a signal hits, the process ends with one line and the signal's exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from verigap.cli.interrupts import CONTINUES, interruption_line
from verigap.cli.main import app

LINE = "verigap: interrupted\n"

# What the main thread is doing when the signal comes; it must not get to "went on".
BUSY = {
    "waiting": "time.sleep(60)",
    "swallowing": """
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(60)
""",
    "turning it into another error": """
try:
    time.sleep(60)
except BaseException:
    raise RuntimeError("a callback failed") from None
""",
    "ending with another exit code": """
try:
    time.sleep(60)
except BaseException:
    print("verigap: cannot be read", file=sys.stderr, flush=True)
    sys.exit(2)
""",
    # As a C++ exception does that leaves a callback.
    "aborting as it unwinds": """
try:
    time.sleep(60)
finally:
    ctypes.CDLL(None).abort()
""",
    "aborting with the interpreter's lock": """
try:
    time.sleep(60)
finally:
    ctypes.PyDLL(None).abort()
""",
    "touching what is gone": """
try:
    time.sleep(60)
finally:
    ctypes.string_at(0)
""",
    # The signal goes to another thread, and nothing wakes the main thread.
    "in native code": """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
ctypes.CDLL(None).sleep(60)
""",
    # As polars does, before our handler has a turn.
    "raising it itself": """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
signal.sigwait({signal.SIGINT, signal.SIGTERM})
raise KeyboardInterrupt
""",
}

CHILD = """
import ctypes, signal, sys, time
from verigap.cli.interrupts import guarded
sys.argv = ["verigap", "fit"]
def run():
    print("busy", flush=True)
{}
    print("went on", flush=True)
guarded(run)
"""


def start(body: str, restore_signals: bool = True) -> subprocess.Popen[str]:
    text = CHILD.format("\n".join(f"    {line}" for line in body.splitlines()))
    child = subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        restore_signals=restore_signals,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "busy\n"
    time.sleep(0.1)
    return child


@pytest.mark.parametrize(
    ("doing", "kind"),
    [
        (doing, kind)
        for doing in BUSY
        for kind in (signal.SIGINT, signal.SIGTERM)
        # Extensions raise KeyboardInterrupt at SIGINT alone.
        if (doing, kind) != ("raising it itself", signal.SIGTERM)
    ],
)
def test_one_line_and_the_exit_code_of_the_signal(doing: str, kind: signal.Signals) -> None:
    child = start(BUSY[doing])
    child.send_signal(kind)
    stdout, stderr = child.communicate(timeout=10)
    assert (child.returncode, stdout, stderr) == (128 + kind, "", LINE)


def test_a_second_signal_does_not_wait() -> None:
    child = start(BUSY["in native code"])
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    time.sleep(0.6)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=10)
    assert time.monotonic() - began < 1.5
    assert (child.returncode, stderr) == (143, LINE)


def test_what_unwinds_is_not_disturbed_by_the_same_keystroke() -> None:
    child = start("""
try:
    time.sleep(60)
finally:
    time.sleep(0.5)
    print("removed its drafts", flush=True)
""")
    child.send_signal(signal.SIGINT)
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    stdout, stderr = child.communicate(timeout=10)
    assert (child.returncode, stdout, stderr) == (130, "removed its drafts\n", LINE)


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = start("time.sleep(0.5)", restore_signals=False)
    finally:
        signal.signal(signal.SIGINT, before)
    child.send_signal(signal.SIGINT)
    stdout, _ = child.communicate(timeout=10)
    assert (child.returncode, stdout) == (0, "went on\n")


@pytest.mark.parametrize("end", ["sys.exit(1)", "raise ValueError('a mistake of ours')"])
def test_without_a_signal_nothing_is_changed(end: str) -> None:
    child = start(end)
    stdout, stderr = child.communicate(timeout=10)
    assert (child.returncode, stdout) == (1, "")
    assert ("Traceback" in stderr) == end.startswith("raise")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_what_is_done_stays_done_while_the_interpreter_ends(kind: signal.Signals) -> None:
    # Destroyed when the modules are, long after the handlers.
    child = start("""
class Slow:
    def __del__(self):
        print("ending", flush=True)
        time.sleep(0.5)
sys.modules[__name__].slow = Slow()
sys.exit(1)
""")
    assert child.stdout is not None
    assert child.stdout.readline() == "ending\n"
    child.send_signal(kind)
    _, stderr = child.communicate(timeout=10)
    assert (child.returncode, stderr) == (1, "")


def test_commands_that_keep_their_work_say_so() -> None:
    known = (
        each.name or getattr(each.callback, "__name__", "") for each in app.registered_commands
    )
    assert set(CONTINUES) <= set(known)
    assert interruption_line(["sweep", "c.yaml"]).endswith("continues where it stopped")
    assert interruption_line(["import", "log.jsonl"]) == "verigap: interrupted"
    assert interruption_line([]) == "verigap: interrupted"
