"""Import: from somebody's sample logs to the canonical trace table, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from verigap.llm_validation.answers import canonical_answer
from verigap.llm_validation.importers.lengths import Lengths
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    LeftOut,
    Reading,
    Sample,
)
from verigap.llm_validation.importers.writing import TraceWriter
from verigap.storage.tables import TableError

# Of the records skipped, how many are kept to be listed.
MOST_LISTED = 1000
# Samples between two words on the progress.
_STEP = 64


class ImportProgress(NamedTuple):
    """How far an import is: bytes of the files, and samples."""

    done: int
    total: int
    samples: int


@dataclass(frozen=True)
class ImportReport:
    """What an import took in, and what it did not.

    Attributes:
      samples: rows of the table.
      prompts: distinct (dataset, model, prompt_id).
      correct: samples found correct.
      incorrect: samples found incorrect.
      unverified: samples of which neither could be said (`correct` is null).
      unit: what lengths count.
      decided_by: how correctness was decided, with the number of samples each.
      groups: verdicts of each dataset and model.
      skipped: unreadable records, lines or samples left out (with `skip_bad` only).
      skipped_list: the first of them, with the place and the reason.
      left_out: sound records without a sample to import, by reason.
      mended: texts in which half characters (lone surrogates) were replaced.
    """

    samples: int
    prompts: int
    correct: int
    incorrect: int
    unverified: int
    unit: str
    decided_by: dict[str, int]
    groups: list[dict[str, str | int]]
    skipped: int
    skipped_list: tuple[str, ...]
    left_out: dict[str, int]
    mended: int


def import_traces(
    form: Format,
    paths: Sequence[Path],
    out: Path,
    options: ImportOptions,
    progress: Callable[[ImportProgress], None] | None = None,
) -> ImportReport:
    """Read sample logs and write them as one trace table; the file appears whole or not at all.

    Args:
      form: how to read them, an entry of `FORMATS`.
      paths: the files.
      out: the table, Parquet.
      options: see `ImportOptions`.
      progress: called now and then.

    Raises:
      TableError: a file cannot be read, or holds a record that cannot (unless `skip_bad`).
      ValueError: an option the format has no use for, or an unknown value of one.
    """
    _refuse_useless(form, options)
    writer = TraceWriter(out, str(out))
    for path in paths:
        if out.exists() and path.exists() and out.samefile(path):
            raise TableError(f"{out}: is one of the files to import; choose another --out")
    run = _Run(form, options)
    reading = Reading(paths)
    with writer, closing(reading):
        for place, row in run.rows(paths, reading):
            writer.add(row, place)
            run.decided_by[row["decided_by"]] += 1
            run.taken += 1
            if progress is not None and run.taken % _STEP == 0:
                progress(ImportProgress(reading.done, reading.total, run.taken))
        for problem in writer.duplicates():
            place, _, what = problem.partition(": ")
            run.refuse(place, BadRecord(what))
            run.taken -= 1
        if run.taken < 1:
            why = next(iter([*run.skipped_list, *run.left_out]), "the files are empty")
            raise TableError(f"{paths[0]}: holds no samples ({why}); check the file and its format")
        prompts, groups = writer.summary()
        writer.finish()
    verdicts = {name: sum(group[name] for group in groups.values())
                for name in ("correct", "incorrect", "unverified")}  # fmt: skip
    return ImportReport(
        samples=run.taken,
        prompts=prompts,
        **verdicts,
        unit=run.lengths.unit or "tokens",
        decided_by=dict(run.decided_by),
        groups=[
            {"dataset": dataset, "model": model, **counts}
            for (dataset, model), counts in groups.items()
        ],
        skipped=run.skipped,
        skipped_list=tuple(run.skipped_list),
        left_out=dict(run.left_out),
        mended=writer.mended,
    )


class _Run:
    """The account of one import."""

    def __init__(self, form: Format, options: ImportOptions) -> None:
        self.form, self.options = form, options
        self.lengths = Lengths(options)
        self.taken = self.skipped = 0
        self.skipped_list: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.decided_by: Counter[str] = Counter()
        self._numbers: Counter[tuple[str, str, str]] = Counter()
        names = {"dataset": options.dataset, "model": options.model}
        self._renamed = {key: name for key, name in names.items() if name is not None}

    def rows(self, paths: Sequence[Path], reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
        """Rows of usable samples with their places; the others are counted, or raise."""
        for place, outcome in self.form.read(paths, self.options, reading):
            if isinstance(outcome, LeftOut):
                self.left_out[str(outcome)] += 1
                continue
            if isinstance(outcome, BadRecord):
                self.refuse(place, outcome)
                continue
            for number, sample in enumerate(outcome, 1):
                try:
                    row = self._row(sample, place)
                except BadRecord as problem:
                    where = f"{place}, sample {number}" if len(outcome) > 1 else place
                    self.refuse(where, problem)
                    continue
                yield place, row

    def refuse(self, place: str, problem: BadRecord) -> None:
        """Count a record that cannot be used, or stop at it."""
        if not self.options.skip_bad:
            raise TableError(
                f"{place}: {problem}; mend it, or leave such records out with --on-error skip"
            )
        self.skipped += 1
        if len(self.skipped_list) < MOST_LISTED:
            self.skipped_list.append(f"{place}: {problem}")

    def _row(self, sample: Sample, place: str) -> dict[str, Any]:
        """A row of the table, in which what a table would refuse is refused by its place."""
        length = self.lengths.measured(sample)
        _refuse_contradiction(sample, length)
        row = sample._asdict()
        row |= {"n_tokens": length, "unit": self.lengths.unit or "tokens"} | self._renamed
        if row["sample_id"] is None:
            key = (row["dataset"], row["model"], row["prompt_id"])
            row["sample_id"] = self._numbers[key]
            self._numbers[key] += 1
        if row["source"] is None:
            file = place.partition(", ")[0].rpartition("/")[2]
            row["source"] = f"{file}; correct by {sample.decided_by}"
        if sample.answer is not None and sample.answer_canonical is None:
            row["answer_canonical"] = canonical_answer(sample.answer)
        if not self.options.keep_text:
            row["text"] = None
        return row


def _refuse_contradiction(sample: Sample, length: int | None) -> None:
    first = sample.first_correct
    if first is not None and not sample.correct:
        raise BadRecord("first_correct is given, but the sample is not correct")
    if first is not None and first < 1:
        raise BadRecord("first_correct counts from 1")
    if first is not None and length is not None and first > length:
        raise BadRecord(f"first_correct is {first}, past the end of the sample at {length}")
    if sample.correct and first is None and not length:
        raise BadRecord(
            "the sample is correct, but has no text and no length that says from where"
            if length is None
            else "the sample is correct, but empty"
        )


def _refuse_useless(form: Format, options: ImportOptions) -> None:
    given = {
        "filter": options.filter,
        "metric": options.metric,
        "scorer": options.scorer,
        "score": options.score,
        "answers": options.answers,
        "mapping": options.mapping or None,
    }
    for name, value in given.items():
        if value is not None and name not in form.options:
            flag = "--map" if name == "mapping" else f"--{name}"
            raise ValueError(f"{flag}: of no use for {form.about}; drop it")
