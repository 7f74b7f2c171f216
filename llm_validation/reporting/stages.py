"""The stages of a diagnosis: what is told of them while they run, and what is kept of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import polars as pl

from verigap.storage.digests import digest
from verigap.storage.files import strict_json
from verigap.storage.pace import Pace
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.stages import KeptStages

_Result = TypeVar("_Result")

# Part of the identity, so that a change of what a stage computes is another diagnosis.
_VERSION = 2
_PACKAGES = ("verigap", "jax", "jaxlib", "numpy", "polars", "scipy")
_PARTS = 100


class _Seconds(NamedTuple):
    """What a stage takes, about: in the first group, which compiles its programs, and later."""

    first: float
    again: float


_STAGES = {
    "fitting": _Seconds(1.5, 0.5),
    "selecting": _Seconds(2.5, 1.5),
    "training": _Seconds(6.0, 3.0),
    "allocating": _Seconds(1.2, 1.0),
    "comparing methods": _Seconds(2.0, 0.7),
    "measuring": _Seconds(5.0, 1.5),
    "calibrating": _Seconds(5.5, 1.0),
    "predicting": _Seconds(10.0, 5.0),
    "bounding": _Seconds(4.0, 0.2),
    "placing": _Seconds(3.0, 0.7),
    "standing": _Seconds(8.0, 5.0),
}
_WRITING, _WRITING_SECONDS = "writing the report", 3.0


class Stages:
    """Runs the stages of a diagnosis, group by group; a `RunStage`."""

    def __init__(
        self,
        groups: int,
        report: Callable[[Progress], None] | None,
        kept: KeptStages | None,
    ) -> None:
        """Nothing runs yet.

        Args:
          groups: how many are diagnosed.
          report: called at the beginning of each stage, and within long ones.
          kept: where results are kept, if they are.
        """
        self._groups, self._report, self._kept = groups, report, kept
        self._group, self._doing = 0, ""
        guesses = {name: seconds.first for name, seconds in _STAGES.items()}
        again = {_again(name): seconds.again for name, seconds in _STAGES.items()}
        self._pace = Pace({**guesses, **again, _WRITING: _WRITING_SECONDS})

    def enter(self, group: int) -> None:
        """The stages of a group, numbered from 0, are next."""
        self._group = group
        first = int(group == 0)
        ahead = Counter({_WRITING: 1})
        for name in _STAGES:
            ahead[name] = first
            ahead[_again(name)] = self._groups - group - first
        self._pace.plan(ahead)

    def __call__(self, name: str, compute: Callable[[], _Result]) -> _Result:
        """The result of a stage of the present group, kept or new."""
        kind = name if self._group == 0 else _again(name)
        key = f"{self._group} {name}"
        for result in () if self._kept is None else self._kept.read(key):
            self._pace.skip(kind)
            return result
        self._pace.begin(kind)
        self._doing = f"{name}, group {self._group + 1} of {self._groups}"
        self._tell()
        result = compute()
        self._pace.end()
        if self._kept is not None:
            self._kept.write(key, result)
        return result

    def within(self, share: float) -> None:
        """Tell that a share of the present stage is done."""
        self._pace.within(share)
        self._tell()

    def finish(self) -> None:
        """Tell that only the report is left to write."""
        self._pace.plan({})
        self._pace.begin(_WRITING)
        self._doing = _WRITING
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            share = self._pace.share()
            self._report(
                Progress(
                    int(_PARTS * (share or 0.0)), _PARTS, doing=self._doing,
                    eta=self._pace.left(), share=share,
                )
            )  # fmt: skip


def _again(name: str) -> str:
    return f"{name} again"


def kept_stages(
    folder: Path, frame: pl.DataFrame, source: str, asked: Mapping[str, Any], seed: int
) -> KeptStages:
    """Where the stages of one diagnosis are kept, under all that their results depend on.

    Args:
      folder: that they are kept in.
      frame: the rows of the traces.
      source: where they come from, as messages name it.
      asked: the arguments of the diagnosis.
      seed: of all randomness.
    """
    account = collect_provenance((), seed, _PACKAGES)
    for changing in ("command", "time"):
        del account[changing]
    account |= {
        "version": _VERSION,
        "x64": bool(jax.config.read("jax_enable_x64")),
        "asked": dict(asked),
        "source": source,
        "traces": _frame_digest(frame),
    }
    return KeptStages(folder, strict_json(account))


def _frame_digest(frame: pl.DataFrame) -> str:
    """Of the content of a table, a part at a time."""
    parts = (rows.write_ndjson().encode() for rows in frame.iter_slices(65_536))
    return digest(parts)
