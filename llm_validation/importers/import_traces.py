"""Import: from somebody's sample logs to the canonical trace table, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigap.llm_validation.answers import canonical_answer
from verigap.llm_validation.importers.account import (
    HarnessAccuracy,
    ScoreRange,
    ScorerTally,
    Verdicts,
)
from verigap.llm_validation.importers.blocks import (
    OF_ANOTHER_KIND,
    Locally,
    Readers,
    ReadingEngine,
    graded,
)
from verigap.llm_validation.importers.foreign import nothing_in
from verigap.llm_validation.importers.grading import MISSING, Grader
from verigap.llm_validation.importers.groups import SETTINGS
from verigap.llm_validation.importers.lengths import Lengths, lacking
from verigap.llm_validation.importers.pooling import Numbers
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    LeftOut,
    Note,
    Parsed,
    Reading,
    Sample,
    Stated,
    UnclearVerdict,
    refuse_useless,
)
from verigap.llm_validation.importers.settings import combined
from verigap.llm_validation.importers.writing import TraceWriter
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError

# Of the records skipped, how many are kept to be listed.
MOST_LISTED = 1000
# Samples between two words on the progress.
_STEP = 64
# Records that are searched for further values of a score before it is refused.
_MORE_SCORES = 1000
# The share of texts that are there already from which on it is worth a warning.
_MANY = 0.2


@dataclass(frozen=True)
class ImportReport:
    """What an import took in, and what it did not.

    Attributes:
      samples: rows of the table.
      prompts: distinct (dataset, model, prompt_id).
      correct: samples found correct.
      incorrect: samples found incorrect.
      ungraded: samples of which neither could be said (`correct` is null).
      incorrect_because: incorrect samples that did not answer, by reason.
      ungraded_because: ungraded samples, by reason.
      unit: what lengths count.
      decided_by: how correctness was decided, with the number of samples each.
      scorers: what each scorer in the log says, where it has any; that which decided is among them.
      harness: accuracies that the log's own harness states, beside those of the samples here.
      correct_above: the share of correct samples at each threshold that separates the scores seen,
        where they are not all 0 and 1.
      groups: verdicts of each dataset and model.
      unknown_lengths: samples without a length.
      skipped: unreadable records, lines or samples left out (with `skip_bad` only).
      skipped_list: the first of them, with the place and the reason.
      left_out: sound records without a sample to import, by reason.
      mended: texts in which half characters (lone surrogates) were replaced.
      repeated_texts: texts that an earlier sample of their prompt has.
      notes: what a user should know of the log or the table, one line each.
    """

    samples: int
    prompts: int
    correct: int
    incorrect: int
    ungraded: int
    incorrect_because: dict[str, int]
    ungraded_because: dict[str, int]
    unit: str
    unknown_lengths: int
    decided_by: dict[str, int]
    scorers: tuple[ScorerTally, ...]
    harness: tuple[HarnessAccuracy, ...]
    correct_above: dict[str, float]
    groups: list[dict[str, str | int]]
    skipped: int
    skipped_list: tuple[str, ...]
    left_out: dict[str, int]
    mended: int
    repeated_texts: int
    notes: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful: another accuracy of the harness, lengths that lack, and the notes."""
        differ = (
            f"{stated.file}: the harness states {stated.stated:.4g}, the samples imported give "
            f"{stated.found:.4g}; find out why before using them"
            for stated in self.harness
            if not stated.agrees and not stated.of
        )
        lengths = lacking(self.unknown_lengths, self.samples)
        return (*differ, *filter(None, [lengths]), *self.notes)


def import_traces(
    form: Format,
    paths: Sequence[Path],
    out: Path,
    options: ImportOptions,
    progress: Callable[[Progress], None] | None = None,
    engine: ReadingEngine | None = None,
) -> ImportReport:
    """Read sample logs and write them as one trace table; the file appears whole or not at all.

    Args:
      form: how to read them, an entry of `FORMATS`.
      paths: the files.
      out: the table, Parquet.
      options: see `ImportOptions`.
      progress: called now and then; it counts bytes of the files, and produces samples.
      engine: where records are understood and graded, this process and its own by default; the
        table is the same.

    Raises:
      TableError: a file cannot be read, or holds a record that cannot (unless `skip_bad`).
      ValueError: an option the format has no use for, or an unknown value of one.
      BlockError: records that could not be graded on Ray.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces
      >>> log = Path("tests/llm_validation/fixtures/monkeys.jsonl")
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     out = Path(folder) / "traces.parquet"
      ...     report = import_traces(FORMATS["monkeys"], [log], out, ImportOptions())
      >>> report.samples == report.correct + report.incorrect + report.ungraded
      True
    """
    refuse_useless(form, options)
    writer = TraceWriter(out, str(out), options.keep_text)
    _refuse_twice(paths)
    for path in paths:
        if out.exists() and path.exists() and out.samefile(path):
            raise TableError(f"{out}: is one of the files to import; choose another `out`")
    reading = Reading(paths)
    # Drafts go first where it ends early, as Ray takes its time.
    with (engine or Locally()).opened() as readers, writer, closing(reading), Grader() as grader:
        run = _Run(form, options, grader, readers)
        _write_rows(run, writer, paths, reading, progress)
        report = _report(run, writer)
        writer.finish()
    return report


def _write_rows(
    run: _Run,
    writer: TraceWriter,
    paths: Sequence[Path],
    reading: Reading,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Every usable sample of the files, each once.

    Raises:
      TableError: there is none, or one that cannot be used (unless `skip_bad`).
    """
    for path in paths:
        if path.is_file() and (empty := nothing_in(path)) is not None:
            run.notes[f"{path}: {empty}, and gives no samples"] = None
    for place, row in run.rows(paths, reading):
        writer.add(row, place)
        run.taken += 1
        if progress is not None and run.taken % _STEP == 0:
            progress(Progress(reading.done, reading.total, produced=run.taken))
    for row, place, first, what in writer.duplicates():
        run.refuse_repeated(place, first, what)
        run.verdicts.remove(row)
        run.taken -= 1
    if run.taken < 1:
        why = next(iter([*run.skipped_list, *run.left_out]), "the files are empty")
        raise TableError(f"{paths[0]}: holds no samples ({why}); check the file and its format")


def _report(run: _Run, writer: TraceWriter) -> ImportReport:
    """What was taken in and what was not, of a table that is about to be finished."""
    prompts, groups = writer.summary()
    repeated, texts = writer.repeated_texts()
    notes = [*run.notes, *run.lengths.notes(), *writer.notes(), *_warnings(repeated, texts)]
    verdicts = {name: sum(group[name] for group in groups.values())
                for name in ("correct", "incorrect", "ungraded")}  # fmt: skip
    return ImportReport(
        samples=run.taken,
        prompts=prompts,
        **verdicts,
        incorrect_because=dict(run.verdicts.incorrect_because()),
        ungraded_because=dict(run.verdicts.ungraded_because()),
        unit=run.lengths.unit or "tokens",
        unknown_lengths=writer.unknown_lengths(),
        decided_by=dict(run.verdicts.decided_by()),
        scorers=run.verdicts.scorers(),
        harness=run.verdicts.harness(),
        correct_above=run.verdicts.thresholds(),
        groups=[
            {"dataset": dataset, "model": model, **counts}
            for (dataset, model), counts in groups.items()
        ],
        skipped=run.skipped,
        skipped_list=tuple(run.skipped_list),
        left_out=dict(run.left_out),
        mended=writer.mended,
        repeated_texts=repeated,
        notes=tuple(notes),
    )


class _Run:
    """The account of one import."""

    def __init__(
        self, form: Format, options: ImportOptions, grader: Grader, readers: Readers
    ) -> None:
        self.form, self.options, self.grader, self.readers = form, options, grader, readers
        self.lengths = Lengths(options)
        self.taken = self.skipped = 0
        self.skipped_list: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.verdicts = Verdicts()
        self._paths: tuple[str, ...] = ()
        self._last = "\0"
        self._numbers = Numbers(options.pool_runs)
        self.notes: dict[str, None] = {}
        names = {"dataset": options.dataset, "model": options.model}
        self._renamed = {key: name for key, name in names.items() if name is not None}

    def rows(self, paths: Sequence[Path], reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
        """Rows of usable samples with their places; the others are counted, or raise."""
        # The longest first: a path may be the beginning of another.
        self._paths = tuple(sorted((f"{path}" for path in paths), key=len, reverse=True))
        for place, where, sample in graded(self._samples(paths, reading), self.grader):
            try:
                row = self._row(sample, place)
            except BadRecord as problem:
                self.refuse(where, problem)
                continue
            yield place, row

    def _outcomes(self, paths: Sequence[Path], reading: Reading) -> Iterator[Parsed]:
        """What the records turned out to be; what is wrong with a whole file names the file."""
        try:
            yield from self.readers.parsed(self.form.read(paths, self.options, reading), reading)
        except (BadRecord, *OF_ANOTHER_KIND) as error:
            what = f"holds a value of another kind than {self.form.about} ({error})"
            if isinstance(error, BadRecord):
                what = str(error)
            raise TableError(f"{reading.path or paths[0]}: {what}; check the file") from error

    def _samples(
        self, paths: Sequence[Path], reading: Reading
    ) -> Iterator[tuple[str, str, Sample]]:
        """Samples with their places, roughly and exactly."""
        unclear: ScoreRange | None = None
        for place, outcome in self._outcomes(paths, reading):
            if unclear is not None:
                if not unclear.wants(outcome):
                    break
            elif isinstance(outcome, UnclearVerdict):
                unclear = ScoreRange(place, outcome, _MORE_SCORES)
            elif isinstance(outcome, LeftOut):
                self.left_out[str(outcome)] += 1
            elif isinstance(outcome, Note):
                self.notes[outcome] = None
            elif isinstance(outcome, BadRecord):
                self.refuse(place, outcome)
            elif isinstance(outcome, Stated):
                self.verdicts.state(self._file(place), outcome)
            else:
                for number, sample in enumerate(outcome, 1):
                    many = len(outcome) > 1
                    yield place, f"{place}, sample {number}" if many else place, sample
        if unclear is not None:
            # Not to be skipped: the samples that it drops would be chosen by their verdict.
            raise TableError(unclear.refusal())

    def _file(self, place: str) -> str:
        """The file that a place is in."""
        end = len(self._last)
        if place[:end] != self._last or place[end : end + 1] not in ("", ","):
            self._last = next((path for path in self._paths if place.startswith(path)), place)
        return self._last

    def refuse(self, place: str, problem: BadRecord) -> None:
        """Count a record that cannot be used, or stop at it."""
        if not self.options.skip_bad:
            remedy = problem.remedy or "mend it, or leave such records out with `skip_bad`"
            raise TableError(f"{place}: {problem}; {remedy}")
        self.skipped += 1
        if len(self.skipped_list) < MOST_LISTED:
            self.skipped_list.append(f"{place}: {problem}")

    def refuse_repeated(self, place: str, first: str, what: str) -> None:
        """Count a sample whose number is taken, or stop at it."""
        remedy = None
        if self._file(place) != self._file(first):
            # Skipping would drop whole runs.
            remedy = (
                "where the files are runs of the same prompts, pool them with `pool_runs`; where "
                "they are models or data sets, import each with its `model` or `dataset`"
            )
        self.refuse(place, BadRecord(f"{what} already, at {first}", remedy))

    def _row(self, sample: Sample, place: str) -> dict[str, Any]:
        """A row of the table, in which what a table would refuse is refused by its place."""
        if sample.reason in MISSING and self.options.missing == "ungraded":
            sample = sample._replace(correct=None)
        length = self.lengths.measured(sample)
        if sample.correct and sample.first_correct is None and length == 0:
            # Nothing is correct in no tokens: somewhere, and nobody knows where.
            length = None
        _refuse_contradiction(sample, length)
        row = sample._asdict()
        row |= {"n_tokens": length, "unit": self.lengths.unit or "tokens"} | self._renamed
        if sample.variant:
            row["model"] = ", ".join(filter(None, (row["model"], sample.variant)))
        row[SETTINGS] = combined(sample.sampling, sample.settings)
        key = (row["dataset"], row["model"], row["prompt_id"], row[SETTINGS])
        row["sample_id"] = self._numbers.number(key, sample.sample_id, self._file(place))
        if row["source"] is None:
            file = self._file(place).rpartition("/")[2]
            row["source"] = f"{file}; correct by {sample.decided_by}"
        if sample.answer is not None and sample.answer_canonical is None:
            row["answer_canonical"] = canonical_answer(sample.answer)
        self.verdicts.add(self._file(place), sample)
        return row


def _refuse_contradiction(sample: Sample, length: int | None) -> None:
    first = sample.first_correct
    if first is not None and not sample.correct:
        raise BadRecord("first_correct is given, but the sample is not correct")
    if first is not None and first < 1:
        raise BadRecord("first_correct counts from 1")
    if first is not None and length is not None and first > length:
        raise BadRecord(f"first_correct is {first}, past the end of the sample at {length}")


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise TableError(f"{path}: is given twice; give each file once")
        seen.add(path.resolve())


def _warnings(repeated: int, texts: int) -> Iterator[str]:
    """What is doubtful about the table as a whole."""
    if repeated and repeated >= _MANY * texts:
        yield (
            f"{repeated} of {texts} texts ({repeated / texts:.0%}) repeat an earlier one of their "
            "prompt; such samples are not independent draws, as pass@k and all intervals take them"
        )
