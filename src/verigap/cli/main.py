"""The command line: parse, call the library, print. Heavy imports wait for the command."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from verigap.cli import (
    attack,
    bounds,
    check,
    demo,
    diagnose,
    examples,
    figures,
    finetune,
    fit,
    import_,
    laws,
    measure,
    predict,
    rerun,
    sample,
    sweep,
)
from verigap.cli.interrupts import guarded
from verigap.cli.options import BAD_INPUT, FINE, INTERRUPTED, current_flags, with_flags
from verigap.cli.output import OutputError, say

app = typer.Typer(
    name="verigap",
    help="Does it pay to verify (RL, search, best-of-N) rather than to clone traces, by how much?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(asked: bool) -> None:
    if asked:
        from verigap import __version__

        say(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


# In the order of the work that they do.
for _command in (
    demo,
    examples,
    import_,
    sample,
    laws,
    fit,
    predict,
    measure,
    diagnose,
    finetune,
    bounds,
    sweep,
    check,
    rerun,
    attack,
    figures,
):
    _command.register(app)


def _asked_command(error: TyperException) -> str:
    """The command whose help says what is possible: `verigap`, or `verigap COMMAND`."""
    context = getattr(error, "ctx", None)
    if context is not None:
        return context.command_path
    # Some errors of the parser do not say where they arose.
    names = getattr(typer.main.get_command(app), "commands", {})
    return " ".join(("verigap", *(word for word in sys.argv[1:2] if word in names)))


def _stdout_fails() -> bool:
    """Whether what was printed cannot be written."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return True
    return False


def _give_up_stdout() -> None:
    """What could not be written would be tried, and complained about, once more at exit."""
    # A stream that is none of the operating system's has no number.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """The command line: every foreseeable mistake becomes one line and exit code 2.

    `start.main` is what users start: it takes over signals first.
    """
    if hasattr(signal, "SIGPIPE"):
        # A reader that has seen enough (`| head`) ends us silently, not with the code of a
        # violation.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        code = app(current_flags(sys.argv[1:]), prog_name="verigap", standalone_mode=False)
    except typer.Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except TyperException as error:
        describe = getattr(error, "format_message", lambda: str(error))
        # Without a message the help has been shown instead.
        if message := " ".join(describe().split()):
            say(f"verigap: {message} (see {_asked_command(error)} --help)", err=True)
        code = BAD_INPUT
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        # Help pages are printed by the parser.
        parsers = "--help" in sys.argv or _stdout_fails()
        if not where and not isinstance(error, OutputError) and parsers:
            where = "cannot write to standard output: "
        say(f"verigap: {where}{error.strerror or error}", err=True)
        if isinstance(error, OutputError) or _stdout_fails():
            _give_up_stdout()
        code = BAD_INPUT
    except ValueError as error:
        say(f"verigap: {with_flags(str(error))}", err=True)
        code = BAD_INPUT
    sys.exit(code if isinstance(code, int) else FINE)


if __name__ == "__main__":
    guarded(main)
