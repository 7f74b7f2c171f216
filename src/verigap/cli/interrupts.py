"""SIGINT and SIGTERM end a command with one line on stderr and exit code 130 or 143.

Whatever an interrupt hits can go wrong: native code holds it up, a callback swallows it or turns it
into another error, threads of XLA crash the interpreter as it ends. So the line is written at once,
by whichever thread hears the signal first, and stderr then leads nowhere. The main thread is given
a moment to unwind, which removes drafts; then the process ends without the interpreter's own end.
What is kept does not depend on any of this: files appear whole or not at all.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NamedTuple, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What a C++ exception that nobody catches, or a thread that loses its data, ends a process with.
_CRASHES = (signal.SIGABRT, signal.SIGSEGV, *([signal.SIGBUS] if hasattr(signal, "SIGBUS") else []))
_SHELLS_BASE = 128
_FIRST = "first"
# Within this time a second signal is the same keystroke, sent to the process and to its group.
_ONE_STROKE_SECONDS = 0.3
_UNWINDING_SECONDS = 2.0

CONTINUES = ("sweep", "sample", "diagnose", "demo", "finetune", "figures")
"""Commands that keep what was finished, and go on from there."""


def interruption_line(arguments: Sequence[str]) -> str:
    """What is said of an interrupted command.

    Args:
      arguments: those of the command line, without the program.
    """
    command = next((each for each in arguments if not each.startswith("-")), "")
    if command in CONTINUES:
        return "verigap: interrupted; the same command continues where it stopped"
    return "verigap: interrupted"


def guarded(run: Callable[[], object]) -> NoReturn:
    """Run a command to the end of the process; signals end it as this module says.

    Args:
      run: the command. It ends by returning or by `SystemExit`; any other error is its own.
    """
    interrupts = _Interrupts(interruption_line(sys.argv[1:]))
    try:
        try:
            interrupts.listen()
            run()
            code = 0
        except SystemExit as end:
            code = end.code
        interrupts.finish(code)
        sys.exit(code)
    except BaseException:
        interrupts.end_if_interrupted()
        raise


class _Ending(NamedTuple):
    """How the process ends: with which exit code, and whether a signal ended it."""

    code: int
    interrupted: bool


class _Interrupts:
    """Hears signals on two ways, and lets either a signal or the end of the work win."""

    def __init__(self, line: str) -> None:
        self._line = line
        # Whoever is first decides. `setdefault` is atomic, and cannot deadlock with a handler.
        self._decided: dict[str, _Ending] = {}
        self._said = threading.Event()
        self._handled = False

    def listen(self) -> None:
        """Take over both signals, where the process does not ignore them."""
        # The first to register is the last to be called.
        atexit.register(_ignore)
        heard, wake = os.pipe()
        os.set_blocking(wake, False)
        for number in _SIGNALS:
            # A shell has its background jobs ignore SIGINT.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._handle)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(heard,), daemon=True).start()

    def finish(self, code: str | int | None) -> None:
        """Tell that the work is done; ends the process if a signal came first."""
        _flush()
        number = code if isinstance(code, int) else int(code is not None)
        self._decide(_Ending(number, interrupted=False))
        self.end_if_interrupted()

    def end_if_interrupted(self) -> None:
        """End the process if a signal came before the work was done."""
        # An extension may raise KeyboardInterrupt a moment before our handler is called.
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            self._hear(signal.SIGINT)
        ending = self._decided.get(_FIRST)
        if ending is not None and ending.interrupted:
            self._said.wait(_UNWINDING_SECONDS)
            _flush()
            # Not by the interpreter's own end, in which threads of XLA that still compute crash it.
            os._exit(ending.code)
        self._decide(_Ending(1, interrupted=False))

    def _decide(self, ending: _Ending) -> _Ending:
        return self._decided.setdefault(_FIRST, ending)

    def _hear(self, number: int) -> _Ending:
        """How the process ends, now that a signal came; whoever hears it first says the line."""
        mine = _Ending(_SHELLS_BASE + number, interrupted=True)
        ending = self._decide(mine)
        if ending is mine:
            _say(self._line)
            _crashes_end_with(mine.code)
            self._said.set()
        return ending

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """In the main thread, between two steps of Python; only once, the rest is the watcher's."""
        if self._handled:
            return
        self._handled = True
        # What unwinds already, or has done its work, is not to be disturbed.
        if self._hear(number).interrupted and not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            self._said.wait(_UNWINDING_SECONDS)
            raise KeyboardInterrupt

    def _watch(self, heard: int) -> None:
        """In a thread of its own, as the main thread may be deep in native code."""
        number = 0
        while number not in _SIGNALS:
            number = os.read(heard, 1)[0]
        ending = self._hear(number)
        if ending.interrupted:
            time.sleep(_ONE_STROKE_SECONDS)
            os.set_blocking(heard, False)
            with contextlib.suppress(BlockingIOError):
                os.read(heard, 4096)
            # Until the main thread ends the process, a second signal asks for it, or time is up.
            select.select([heard], [], [], _UNWINDING_SECONDS - _ONE_STROKE_SECONDS)
        os._exit(ending.code)


def _say(line: str) -> None:
    """Write the line on stderr, which leads nowhere from then on."""
    with contextlib.suppress(OSError):
        # A bar that was being drawn stays where it is, and the cursor it hid comes back.
        start = "\n\x1b[?25h" if os.isatty(2) else ""
        os.write(2, f"{start}{line}\n".encode())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _crashes_end_with(code: int) -> None:
    """Let a crash end the process with this exit code: unwinding through native code may be one."""
    # A handler of Python's own would be called later, and a crash does not wait for it.
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: os._exit(code))
    # Called until the process is gone, and so never to be collected.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(handler))
    register = ctypes.CDLL(None).signal
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
    for number in _CRASHES:
        register(number, ctypes.cast(handler, ctypes.c_void_p))


def _ignore() -> None:
    """Ignore both signals, as the interpreter gives up its handlers a while before it is gone."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _flush() -> None:
    # What is wrong with stdout is told by the interpreter, as ever.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
