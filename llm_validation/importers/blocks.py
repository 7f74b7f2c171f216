"""Blocks of records, which are understood and graded together, here or in another process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from verigap.llm_validation.importers.grading import NOT_JUDGED, Grader
from verigap.llm_validation.importers.records import (
    BadRecord,
    Item,
    LeftOut,
    Note,
    Parsed,
    Reading,
    Sample,
    Stated,
    Unparsed,
)

OF_ANOTHER_KIND = (AttributeError, IndexError, KeyError, OverflowError, TypeError)
"""What comes of values of another kind than any file of a format was seen to have."""

# A block is full at so many records, or characters in them.
_MOST_RECORDS, _MOST_CHARACTERS = 256, 2**20
# Here samples are graded together, up to a number of them, of questions, and of characters.
_MOST_WAITING, _MOST_PENDING, _MOST_WAITING_CHARACTERS = 4096, 512, 16 * 2**20


class Readers(Protocol):
    """What understands records, ready to do so."""

    def parsed(self, items: Iterator[Item], reading: Reading) -> Iterator[Parsed]:
        """The items of a format in their order, understood; they may be graded as well."""
        ...


class ReadingEngine(Protocol):
    """Where records are understood and graded. The table does not depend on it."""

    def opened(self) -> AbstractContextManager[Readers]:
        """What understands them, which ends with the context.

        Raises:
          ValueError: the engine cannot be used; one line says what to do.
        """
        ...


@dataclass(frozen=True)
class Block:
    """Items that follow each other in one file.

    Attributes:
      items: what a format found.
      path: the file, None before any was opened.
    """

    items: tuple[Item, ...]
    path: Path | None


@dataclass(frozen=True)
class Finished:
    """What became of a block.

    Attributes:
      items: its items, understood and graded, up to the one that is wrong beyond a bad record.
      error: what is wrong with that one; None where there is none.
    """

    items: tuple[Parsed, ...]
    error: Exception | None = None


class Blocks:
    """The blocks of a stream of items.

    An error in reading waits until the blocks before it are dealt with, as bad records in these
    come first.
    """

    def __init__(self, items: Iterator[Item], reading: Reading) -> None:
        """Nothing is read yet."""
        self._error: Exception | None = None
        self._items, self._reading = items, reading

    def __iter__(self) -> Iterator[Block]:
        """Read on, block by block."""
        gathered: list[Item] = []
        path, characters = self._reading.path, 0
        for item in self._read():
            other = self._reading.path != path
            full = len(gathered) >= _MOST_RECORDS or characters >= _MOST_CHARACTERS
            if gathered and (other or full):
                yield Block(tuple(gathered), path)
                gathered, characters = [], 0
            path = self._reading.path
            gathered.append(item)
            characters += _characters(item)
        if gathered:
            yield Block(tuple(gathered), path)

    def given(self, done: Iterable[tuple[Block, Finished]]) -> Iterator[Parsed]:
        """The items of all blocks, each dealt with, in the order in which they were read.

        Raises:
          Exception: what is wrong with a record beyond being a bad one, or what ended the reading.
        """
        for block, became in done:
            yield from became.items
            if became.error is not None:
                # By now another file may be read.
                self._reading.path = block.path
                raise became.error
        if self._error is not None:
            raise self._error

    def _read(self) -> Iterator[Item]:
        try:
            yield from self._items
        except Exception as error:
            self._error = error


def finished(block: Block, grader: Grader) -> Finished:
    """Understand the records of a block, and grade what takes algebra."""
    items: list[Parsed] = []
    error: Exception | None = None
    for item in block.items:
        try:
            items.append(item.parsed() if isinstance(item, Unparsed) else item)
        except (ValueError, *OF_ANOTHER_KIND) as problem:
            error = problem
            break
    samples = [sample for item in items for sample in samples_in(item)]
    graded = iter(settled(samples, grader))
    return Finished(
        tuple(
            item._replace(outcome=[next(graded) for _ in found])
            if (found := samples_in(item))
            else item
            for item in items
        ),
        error,
    )


def graded(
    samples: Iterable[tuple[str, str, Sample]], grader: Grader
) -> Iterator[tuple[str, str, Sample]]:
    """Samples with their places, roughly and exactly, in order and none of them pending."""
    waiting: list[tuple[str, str, Sample]] = []
    pending = characters = 0
    for item in samples:
        if not waiting and not item[2].pending:
            yield item
            continue
        waiting.append(item)
        pending += bool(item[2].pending)
        characters += len(item[2].text or "")
        full = len(waiting) >= _MOST_WAITING or pending >= _MOST_PENDING
        if full or characters >= _MOST_WAITING_CHARACTERS:
            yield from _settled(waiting, grader)
            waiting, pending, characters = [], 0, 0
    yield from _settled(waiting, grader)


def _settled(
    waiting: Sequence[tuple[str, str, Sample]], grader: Grader
) -> Iterator[tuple[str, str, Sample]]:
    found = settled([sample for _, _, sample in waiting], grader)
    for (place, where, _), sample in zip(waiting, found, strict=True):
        yield place, where, sample


def settled(samples: Sequence[Sample], grader: Grader) -> Iterator[Sample]:
    """The same samples in order, none of them pending."""
    asked = [(sample.answer or "", sample.pending) for sample in samples if sample.pending]
    verdicts = iter(grader.settle(asked) if asked else ())
    for sample in samples:
        if not sample.pending:
            yield sample
            continue
        correct = next(verdicts)
        reason = NOT_JUDGED if correct is None else None
        yield sample._replace(correct=correct, reason=reason, pending=())


def samples_in(item: Parsed) -> Sequence[Sample]:
    """The samples of a record, none where it has none."""
    outcome = item.outcome
    return () if isinstance(outcome, Stated | BadRecord | LeftOut | Note) else outcome


def _characters(item: Item) -> int:
    """About how many characters a record holds."""
    content: list[Any] = [item.content if isinstance(item, Unparsed) else item.outcome]
    total = 0
    while content:
        value = content.pop()
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, dict):
            content += value.values()
        elif isinstance(value, list | tuple):
            content += value
    return total


class _Here:
    """See `Readers`: one record after the other."""

    def parsed(self, items: Iterator[Item], reading: Reading) -> Iterator[Parsed]:
        for item in items:
            yield item.parsed() if isinstance(item, Unparsed) else item


@dataclass(frozen=True)
class Locally:
    """Records are understood in this process, and graded by processes beside it.

    Example:
      >>> from verigap.llm_validation.importers.blocks import Locally
      >>> from verigap.llm_validation.importers.records import Reading
      >>> with Locally().opened() as readers:
      ...     list(readers.parsed(iter(()), Reading([])))
      []
    """

    def opened(self) -> AbstractContextManager[Readers]:
        """What understands them; nothing starts."""
        return nullcontext(_Here())
