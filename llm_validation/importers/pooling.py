"""What may be one prompt's samples: numbers over several files, and settings that must agree."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from verigap.llm_validation.importers.records import Sample
from verigap.storage.tables import TableError

Key = tuple[str, str, str]


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


class Temperatures:
    """Refuses to mix samples drawn at different temperatures."""

    def __init__(self) -> None:
        """None is known yet."""
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    def check(self, dataset: str, model: str, sample: Sample, place: str) -> None:
        """Compare with the samples of the same data set and model.

        Raises:
          TableError: an earlier one has another temperature.
        """
        found = _temperature(sample.sampling) if sample.sampling else None
        if found is None:
            return
        known, where = self._known.setdefault((dataset, model), (found, place))
        if known != found:
            raise TableError(
                f"{place}: drawn at temperature {found:g}, but the samples at {where} at "
                f"{known:g}, and these are not samples of one model; import them one by one, each "
                "with a name of its own (`model`)"
            )


@lru_cache(maxsize=1024)
def _temperature(sampling: str) -> float | None:
    try:
        settings = json.loads(sampling)
    except ValueError:
        return None
    found = settings.get("temperature") if isinstance(settings, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found)
