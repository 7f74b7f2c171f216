"""What a reader may do with an input that it cannot use: refuse it in one line of its own."""

from __future__ import annotations

import traceback

MOST = 1000


class Slow(BaseException):
    """An input has taken too long; no `Exception`, so that no reader takes it for its own."""


def complaint(error: BaseException, *, refuses: bool = True) -> str | None:
    """Why an error is no refusal as the library documents them; None where it is one.

    The command line turns a `ValueError` and an `OSError` into one line and exit code 2. One that
    another library raises has not been foreseen, and says nothing to a user.

    Args:
      error: what a reader raised.
      refuses: whether the reader may refuse anything at all.
    """
    where = _raised_in(error)
    name = f"{type(error).__name__} in {where}"
    if isinstance(error, Slow):
        return f"slow: {where}"
    if not refuses:
        return name
    if isinstance(error, OSError):
        return None if error.filename else f"{name}, names no file"
    if not isinstance(error, ValueError) or not where.startswith("verigap"):
        return name
    message = str(error)
    if not message or "\n" in message or len(message) > MOST:
        return f"{name}: no message of one line"
    return None


def _raised_in(error: BaseException) -> str:
    """The function that raised it, and the last one of ours on the way there."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}" for frame in frames]
    if not names:
        return "?"
    ours = [name for name in names if name.startswith("verigap")]
    if ours and ours[-1] != names[-1]:
        return f"{names[-1]}, called in {ours[-1]}"
    return names[-1]
