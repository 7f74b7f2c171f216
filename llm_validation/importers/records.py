"""What every importer speaks: samples, records with a place, and the two ways to be no sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class BadRecord(ValueError):
    """A record that cannot be read: an error, or a counted skip, as the user wishes.

    Attributes:
      remedy: what to do, where it is known; else to mend the record or to skip it.
    """

    def __init__(self, what: str, remedy: str | None = None) -> None:
        """What is wrong, and what to do."""
        super().__init__(what)
        self.remedy = remedy


class UnclearVerdict(BadRecord):
    """A verdict that says neither correct nor incorrect; no sample is ever skipped for it.

    Attributes:
      value: what stands there, as it is to be shown.
      others: further scores that the record has.
    """

    def __init__(self, name: str, value: str, number: bool, others: Sequence[str] = ()) -> None:
        """A score of 0.5, -1 or 100, or a word that is no verdict.

        Args:
          name: of the score.
          value: as it is to be shown.
          number: whether a threshold could make a verdict of it.
          others: further scores that the record has.
        """
        what = "neither right (1) nor wrong (0)" if number else "neither true, false nor null"
        super().__init__(f"{name} is {value}, {what}")
        self.name = name
        self.value, self.number, self.others = value, number, tuple(others)

    def __reduce__(self) -> tuple[type[UnclearVerdict], tuple[object, ...]]:
        """How it travels between processes; an error's own way is to keep its message alone."""
        return type(self), (self.name, self.value, self.number, self.others)


class Note(str):
    """Something about a log that the user should know, such as a column left unread."""

    __slots__ = ()


class LeftOut(ValueError):
    """A sound record that holds no sample to import, such as a failed request; counted."""


class Sample(NamedTuple):
    """One sampled answer as a source gives it; the columns of `Traces`, most of them unknown.

    Attributes:
      sample_id: None to be numbered in order of appearance within the prompt.
      n_tokens: length as the source counts it; None to be counted from `text`.
      unit: what the source's lengths count.
      decided_by: how `correct` was found, for the report.
      reason: why the sample is wrong without an answer, or is not graded.
      pending: right answers that Math-Verify has yet to compare with `answer`.
      verdicts: what every scorer in the log says, by its name; None for neither right nor wrong.
      score: the number that the verdict was made from, where it is neither 0 nor 1.
      variant: what tells samples apart that are no equals although their model has one name, as
        "step 100" of a training; it becomes part of the model's name.
      settings: what `settings.of_row` found in a row beside `sampling`; samples of one model whose
        settings differ become several groups.
    """

    prompt_id: str
    correct: bool | None
    decided_by: str
    dataset: str = ""
    model: str = ""
    sample_id: int | None = None
    text: str | None = None
    answer: str | None = None
    first_correct: int | None = None
    first_correct_is_end: bool | None = None
    correct_at_end: bool | None = None
    n_tokens: int | None = None
    unit: str = "tokens"
    verifier_score: float | None = None
    logprob: float | None = None
    sampling: str | None = None
    source: str | None = None
    answer_canonical: str | None = None
    reason: str | None = None
    pending: tuple[str, ...] = ()
    verdicts: Mapping[str, bool | None] | None = None
    score: float | None = None
    variant: str = ""
    settings: str | None = None


class Stated(NamedTuple):
    """An accuracy that the log's own harness states.

    Attributes:
      decided_by: of the samples it is the mean of, as their `decided_by`.
      name: what the harness calls it.
      value: the accuracy.
      of: what it is the mean of, where that is not every sample.
      whole: whether it is of all files together.
    """

    decided_by: str
    name: str
    value: float
    of: str = ""
    whole: bool = False


class Record(NamedTuple):
    """Something found at a place in a file, before it is understood."""

    place: str
    content: Any


class Parsed(NamedTuple):
    """What a record turned out to be."""

    place: str
    outcome: Sequence[Sample] | Stated | BadRecord | LeftOut | Note


class Unparsed(NamedTuple):
    """A record that is yet to be understood, wherever that is done.

    Attributes:
      place: where it was found.
      content: what was found.
      parse: makes samples of the content, or says by an error why there are none. It depends on
        nothing but the content, and reads no file.
    """

    place: str
    content: Any
    parse: Callable[[Any], Sequence[Sample]]

    def parsed(self) -> Parsed:
        """What it turns out to be."""
        try:
            return Parsed(self.place, self.parse(self.content))
        except (BadRecord, LeftOut) as refusal:
            return Parsed(self.place, refusal)


Item = Parsed | Unparsed
"""What a format finds in a file."""


@dataclass(frozen=True)
class ImportOptions:
    """How to read; a format that has no use for an option refuses it.

    Attributes:
      mapping: canonical column (or "target") to the column of a table.
      answers: file of right answers by custom_id.
      filter: lm-eval filter whose lines count.
      metric: metric that decides correctness, where the log has several.
      scorer: Inspect scorer that decides correctness, or NAME.KEY for one key of its value.
      correct_above: scores above this are correct, all others incorrect; None where all are 0 or 1.
      missing: what a response without an answer is, "incorrect" or "ungraded".
      score: how the scores of steps become one verifier score: "last", "min" or "prod".
      dataset: name to use instead of the source's.
      model: name to use instead of the source's.
      tokenizer: a `tokenizer.json` to count tokens with where the source has no count.
      unit: "tokens", "words" or "characters"; None for tokens where they are known, else words.
      explode: a row of a table holds lists with one entry a sample.
      pool_runs: files are runs of the same prompts, whose samples are numbered on.
      skip_bad: leave unreadable records out, counted, instead of stopping at the first.
      keep_text: store the text of the samples.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    answers: Path | None = None
    filter: str | None = None
    metric: str | None = None
    scorer: str | None = None
    correct_above: float | None = None
    missing: str = "incorrect"
    score: str | None = None
    dataset: str | None = None
    model: str | None = None
    tokenizer: Path | None = None
    unit: str | None = None
    explode: bool = False
    pool_runs: bool = False
    skip_bad: bool = False
    keep_text: bool = True


class Closeable(Protocol):
    """An open file."""

    def close(self) -> object:
        """Close it; a second time does nothing."""


class Reading:
    """Which file is being read, for messages, and how much of all, for a progress bar.

    Attributes:
      path: the file that was opened last; None before the first.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """Not yet begun."""
        self.path: Path | None = None
        self.total = sum(path.stat().st_size for path in paths if path.is_file())
        self.finished = 0
        self.position: Callable[[], int] = lambda: 0
        self.files: list[Closeable] = []

    def close(self) -> None:
        """Close what an import that was broken off left open."""
        for file in self.files:
            file.close()

    @property
    def done(self) -> int:
        """Bytes read so far, as they lie on the disk."""
        return min(self.finished + self.position(), self.total)

    def begin(self, path: Path, position: Callable[[], int]) -> None:
        """Follow a file that has just been opened."""
        self.path, self.position = path, position

    def end(self, size: int) -> None:
        """Count a file as read."""
        self.finished += size
        self.position = lambda: 0


Reader = Callable[[Sequence[Path], ImportOptions, Reading], Iterator[Item]]


@dataclass(frozen=True)
class Format:
    """An entry of the registry.

    Attributes:
      read: the records of some files, one after the other.
      about: one line for people.
      options: those of `filter`, `metric`, `scorer`, `score`, `correct_above`, `answers`,
        `mapping` and `explode` that it uses.
      holds: whether the first record of a file is one of this format; its keys decide.
    """

    read: Reader
    about: str
    options: frozenset[str] = frozenset()
    holds: Callable[[Mapping[str, Any]], bool] = lambda _: False


def parse_each(
    records: Iterable[Record], parse: Callable[[Any], Sequence[Sample]]
) -> Iterator[Parsed]:
    """Apply `parse` to every readable record, one after the other, and keep what it refuses."""
    for record in parse_anywhere(records, parse):
        yield record.parsed() if isinstance(record, Unparsed) else record


def parse_anywhere(
    records: Iterable[Record], parse: Callable[[Any], Sequence[Sample]]
) -> Iterator[Item]:
    """The same for a `parse` that may be applied later, in another process and in any order."""
    for place, content in records:
        if isinstance(content, BadRecord | LeftOut):
            yield Parsed(place, content)
        else:
            yield Unparsed(place, content, parse)


def refuse_useless(form: Format, options: ImportOptions) -> None:
    """Raise `ValueError` for an unknown value of an option, or one that a format has no use for."""
    given = {
        "filter": options.filter,
        "metric": options.metric,
        "scorer": options.scorer,
        "score": options.score,
        "correct_above": options.correct_above,
        "answers": options.answers,
        "mapping": options.mapping or None,
        "explode": options.explode or None,
    }
    if options.missing not in ("incorrect", "ungraded"):
        raise ValueError(f"missing: unknown {options.missing!r}; use incorrect or ungraded")
    if options.correct_above is not None and not math.isfinite(options.correct_above):
        raise ValueError(f"correct_above: {options.correct_above} is no threshold; give a number")
    for name, value in given.items():
        if value is not None and name not in form.options:
            raise ValueError(f"{name}: of no use for {form.about}; drop it")
