"""What a verb is given, refused in one line where it is something else."""

from __future__ import annotations

from typing import TypeVar

_Value = TypeVar("_Value")


def of_kind(value: _Value, name: str, expected: str, *kinds: type) -> _Value:
    """The same value.

    Args:
      value: what was given.
      name: of the parameter.
      expected: what may be given, in words.
      *kinds: types of what may be given.

    Raises:
      ValueError: it is of none of the types.
    """
    if isinstance(value, kinds):
        return value
    raise ValueError(f"{name}: expected {expected}, not {type(value).__name__}")
