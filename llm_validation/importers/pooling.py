"""Numbers of the samples of a prompt, over several files."""

from __future__ import annotations

from typing import NamedTuple

Key = tuple[str, ...]


class _Count(NamedTuple):
    """Of a prompt: the last file, its first number, and the next free one."""

    file: str
    base: int
    free: int


class Numbers:
    """Numbers samples within a prompt, over all files where these are runs of one kind."""

    def __init__(self, pool_runs: bool) -> None:
        """Nothing is numbered yet.

        Args:
          pool_runs: whether the samples of a later file follow on those of an earlier one, instead
            of being samples of the same numbers.
        """
        self._pool_runs = pool_runs
        self._counts: dict[Key, _Count] = {}

    def number(self, key: Key, sample_id: int | None, file: str) -> int:
        """The number of a sample of the prompt `key`, which its file calls `sample_id`."""
        if sample_id is not None and not self._pool_runs:
            return sample_id
        count = self._counts.get(key, _Count(file, 0, 0))
        if self._pool_runs and count.file != file:
            count = _Count(file, count.free, count.free)
        number = count.free if sample_id is None else count.base + sample_id
        self._counts[key] = _Count(file, count.base, max(count.free, number + 1))
        return number
