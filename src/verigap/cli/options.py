"""What several commands read from their options."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypedDict, TypeVar

import typer

from verigap.cli.output import say
from verigap.engines.compiled_programs import keep_compiled_programs


class Leash(StrEnum):
    """Divergences from the base that a radius may bound."""

    CHI2 = "chi2"
    KL = "kl"


FINE, SHORT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Ray cluster: HOST:PORT or auto. Default: Ray is started on this machine.",
    ),
]

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
    "expert_radius": "--expert-radius",
    "failure_probability": "--delta",
    "horizons": "--horizon",
    "in_per_mtok": "--price-in-per-mtok",
    "kl_radius": "--kappa",
    "log2_class_size": "--log2-class",
    "mapping": "--map",
    "num_candidates": "--candidates",
    "per_mtok": "--price-per-mtok",
    "per_prompt": "--per-prompt --json",
    "samples_used": "--first-samples",
    "sd": "--sigma",
    # Other commands that read tables have no such flag.
    "skip_bad": "verigap import --on-error skip",
}
"""Flags of parameters whose names differ by more than dashes."""

_SAME_NAME = (
    "address", "answers", "batch_size", "cells", "check_cost", "correct_above", "cpus_per_engine",
    "currency", "dataset", "dtype",
    "engine", "engines", "epochs", "epsilon", "explode", "false_negative", "false_positive",
    "filter", "first_correct", "first_samples", "gpu_hour", "gpus_per_engine", "grid", "horizon",
    "instance", "kappa", "label_cost", "law",
    "learning_rate", "max_tokens", "mean", "metric", "misspecification", "missing", "model",
    "most_prompts", "out", "pass_at", "pool_runs", "prompt_tokens", "prompts", "repetitions",
    "reward_error", "roc", "run", "samples",
    "score", "scorer",
    "seed", "seeds", "shots", "spend", "starts", "steps", "style",
    "task", "task_config", "temperature", "timeout",
    "tables", "tolerance",
    "tokenizer", "tokens_per_second", "train_batch_size", "unit", "verifier", "workers", "worth",
)  # fmt: skip
"""Parameters whose flag is their name with dashes."""


_QUOTED = re.compile(r"`([a-z0-9_]+)`")
"""A name in a message; it may be that of a parameter."""


def _flag(parameter: str) -> str | None:
    if parameter in _SAME_NAME:
        return f"--{parameter.replace('_', '-')}"
    return _FLAGS.get(parameter)


def with_flags(message: str) -> str:
    """A message of the library in the flags of the command line.

    The library names parameters: the one that is wrong as the first word before a colon, others
    in backticks.
    """
    quoted = _QUOTED.sub(lambda name: _flag(name[1]) or name[0], message)
    name, colon, rest = quoted.partition(":")
    parameter, *more = name.split(" ", 1)
    flag = _flag(parameter)
    return quoted if flag is None or not colon else f"{' '.join((flag, *more))}:{rest}"


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
        say(f"verigap: {old} is now {new}", err=True)
        replaced.append(f"{new}{equals}{value}")
    return replaced


LeashOption = Annotated[
    Leash,
    typer.Option(
        "--leash", help="Divergence from the base that --kappa bounds: chi2, or kl in nats."
    ),
]


class Radius(TypedDict, total=False):
    """A radius under the name that the library has for it."""

    chi2_radius: float | None
    kl_radius: float | None


def radius_of(leash: Leash, kappa: float | None) -> Radius:
    """`--kappa` under the name that the library has for a radius of that divergence.

    Args:
      leash: the divergence.
      kappa: the radius; None for the default, which with KL is ln 2 nats, as that ball holds the
        chi-square ball of radius 1.
    """
    if leash is Leash.CHI2:
        return {"chi2_radius": kappa}
    return {"kl_radius": math.log(2.0) if kappa is None else kappa}


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
    name = Path(sys.argv[0]).name
    return ["verigap" if name == "__main__.py" else name, *sys.argv[1:]]


def prepare_jax() -> None:
    """Compute in float64, and keep what is compiled, unless the user chose otherwise."""
    if "JAX_ENABLE_X64" not in os.environ:
        os.environ["JAX_ENABLE_X64"] = "1"
        # JAX reads its environment when it is imported.
        if "jax" in sys.modules:
            sys.modules["jax"].config.update("jax_enable_x64", True)
    _refuse_unusable_jax()
    keep_compiled_programs()


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

    say(strict_json(content))
