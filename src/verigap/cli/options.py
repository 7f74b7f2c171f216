"""What several commands read from their options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

FINE, SHORT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

_RENAMED = {
    "--best-of": "--candidates",
    "--budgets": "--horizon",
    "--data": "--n",
    "--log2-class-size": "--log2-class",
    "--radius": "--kappa",
}
"""Flags of the release before by their names now; kept for one release."""

_KEEPS_DATA = "figures"
"""The command whose `--data` is a folder, and no number of traces."""

_FLAGS = {
    "chi2_radius": "--kappa",
    "coverage": "--c0",
    "data_budget": "--n",
    "data_budgets": "--n",
    "expert_radius": "--tilt",
    "failure_probability": "--delta",
    "horizons": "--horizon",
    "log2_class_size": "--log2-class",
    "num_candidates": "--candidates",
    "samples_used": "--first-samples",
    "sd": "--sigma",
}
"""Flags of parameters whose names differ by more than dashes."""

_SAME_NAME = (
    "batch_size", "dtype", "engine", "epochs", "epsilon", "false_negative", "false_positive",
    "first_correct", "first_samples", "grid", "horizon", "kappa", "law", "learning_rate",
    "max_tokens", "mean", "model", "out", "pass_at", "prompts", "repetitions", "samples", "seed",
    "seeds", "shots", "style", "task", "task_config", "temperature", "timeout", "train_batch_size",
    "verifier", "workers",
)  # fmt: skip
"""Parameters whose flag is their name with dashes."""


def with_flags(message: str) -> str:
    """A message of the library, which begins with the name of a parameter, about the flag."""
    name, colon, rest = message.partition(":")
    parameter, *more = name.split(" ", 1)
    flag = _FLAGS.get(parameter) or (
        f"--{parameter.replace('_', '-')}" if parameter in _SAME_NAME else None
    )
    return message if flag is None or not colon else f"{' '.join((flag, *more))}:{rest}"


def current_flags(arguments: Sequence[str]) -> list[str]:
    """Arguments with the flags of the release before replaced, each with one line on stderr."""
    replaced: list[str] = []
    for place, argument in enumerate(arguments):
        if argument == "--":
            return [*replaced, *arguments[place:]]
        old, equals, value = argument.partition("=")
        new = _RENAMED.get(old)
        if new is None or (old == "--data" and arguments[0] == _KEEPS_DATA):
            replaced.append(argument)
            continue
        typer.echo(f"verigap: {old} is now {new}", err=True)
        replaced.append(f"{new}{equals}{value}")
    return replaced


Number = TypeVar("Number", int, float)


def numbers(text: str, option: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Numbers separated by commas.

    Raises:
      ValueError: one of them is no number; the message names the option.
    """
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{option}: expected {wanted} and commas, not {text!r}") from None


def command_line() -> list[str]:
    """What the user typed, for the account of a run: the program by name, wherever it lies."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def prepare_jax() -> None:
    """Compute in float64 unless the user chose otherwise."""
    if "JAX_ENABLE_X64" not in os.environ:
        os.environ["JAX_ENABLE_X64"] = "1"
        # JAX reads its environment when it is imported.
        if "jax" in sys.modules:
            sys.modules["jax"].config.update("jax_enable_x64", True)
    _refuse_unusable_jax()


def _refuse_unusable_jax() -> None:
    """Refuse settings of JAX in the environment under which no command can work."""
    if os.environ.get("JAX_DEBUG_NANS", "").lower() in ("1", "true", "yes", "on"):
        raise ValueError("JAX_DEBUG_NANS is set, and NaN stands here for what is unknown; unset it")
    for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME"):
        value = os.environ.get(name, "")
        if value in ("", "cpu"):
            continue
        import jax

        try:
            jax.devices()
        # JAX raises errors of several kinds, assertions among them.
        except Exception:
            raise ValueError(
                f"{name} is {value}, which cannot be used here; unset it or set it to cpu"
            ) from None


def show_json(content: object) -> None:
    """Print strict JSON; what is not a finite number becomes null."""
    from verigap.storage.files import strict_json

    typer.echo(strict_json(content))
