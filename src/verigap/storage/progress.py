"""How far long work has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far long work has come, for whoever shows it.

    What `done`, `total` and `failed` count is up to the work: cells of a sweep, bytes of an import,
    samples of a model, readings of a trace.

    Attributes:
      done: what is done, that of earlier sessions included.
      total: what there is to do in all.
      failed: what failed in this session.
      doing: what takes long just now; may be empty.
      produced: what came out so far, where that is not what is counted: samples imported, tokens
        generated in this session.
      rate: what is produced a second in this session; None where it is not known.
      eta: seconds left; None while unknown, or where whoever shows it may work it out.
      share: of the work that is done, from 0 to 1, where the things counted are unlike, or take
        long to begin with; None where it is `done` of `total`.
    """

    done: int
    total: int
    failed: int = 0
    doing: str = ""
    produced: int = 0
    rate: float | None = None
    eta: float | None = None
    share: float | None = None
