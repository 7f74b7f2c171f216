"""How far long work has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a sweep has come.

    Attributes:
      done: cells done in all.
      total: cells to do in all.
      failed: cells that failed in this session.
      doing: what takes long just now; may be empty.
    """

    done: int
    total: int
    failed: int
    doing: str = ""
