"""A sampling run: batch after batch into a folder of parts, then one table.

The parts lie beside the table as `TABLE.parts`, a run folder like that of a sweep: whole files
only, with checksums and a lock. The folder goes when the table is written.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from verigap.llm_validation.sampling.batches import SCHEMA, cell, layout
from verigap.llm_validation.sampling.engine import Engine
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.sampling.ray_engines import RayEngines
from verigap.llm_validation.sampling.report import SampleReport, sample_report
from verigap.llm_validation.sampling.sessions import Session, local_session
from verigap.llm_validation.tasks.task import Task
from verigap.llm_validation.traces import Traces, load_traces, write_traces
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore, StoreError
from verigap.storage.tables import TableError


def check_out(out: Path) -> None:
    """Refuse a name that no trace table can have, before anything is loaded.

    Raises:
      TableError: see `write_traces`.
    """
    if out.suffix.lower() != ".parquet":
        raise TableError(f"{out}: traces are written as Parquet; end the name in .parquet")
    if out.is_dir():
        raise TableError(f"{out}: is a folder, not a file; choose another path")


def sample_traces(
    engine: Engine | RayEngines,
    task: Task,
    options: SampleOptions,
    out: Path,
    command: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> SampleReport:
    """Sample every problem of a task and write the traces, continuing where a run stopped.

    Args:
      engine: the model, or engines on Ray that hold it; the table is the same.
      task: the problems.
      options: how much, and how.
      out: the table, Parquet; its parts lie in `OUT.parts` until it is written.
      command: the command line, for the account of the run.
      progress: called after each token of a batch, on Ray once a second.

    Raises:
      TableError: `out` cannot be written, or is a table of something else.
      StoreError: the parts are of another configuration, or another process is at them.
      EngineError: the engine cannot be used for this; on Ray, one of them.
      BatchError: a batch could not be made on Ray; all that are finished are kept.

    Example:
      An engine that answers 2 whatever it is asked, character by character.

      >>> import tempfile
      >>> from pathlib import Path
      >>> from verigap.llm_validation.sampling.engine import Completion
      >>> from verigap.llm_validation.sampling.sample import SampleOptions, sample_traces
      >>> from verigap.llm_validation.tasks import QuestionFile, load_task
      >>> class Two:
      ...     identity = {"engine": "two", "model": "two", "fingerprint": "0", "dtype": "none"}
      ...     packages = ()
      ...     def encode(self, text): return tuple(map(ord, text))
      ...     def decode(self, tokens): return "".join(map(chr, tokens))
      ...     def chat(self, messages): return self.encode(messages[-1].content)
      ...     def generate(self, requests, decoding, report=None):
      ...         return [Completion((50,), "2", (0.0,), finished=True) for _ in requests]
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     file, out = Path(folder) / "sums.jsonl", Path(folder) / "traces.parquet"
      ...     _ = file.write_text('{"question": "1 + 1", "answer": 2}')
      ...     task = load_task(QuestionFile(file), prompts=1, seed=0)
      ...     report = sample_traces(Two(), task, SampleOptions(samples=3, max_tokens=8), out)
      >>> report.samples, report.correct
      (3, 3)
    """
    check_out(out)
    opened = (
        engine.opened(task, options)
        if isinstance(engine, RayEngines)
        else local_session(engine, task, options)
    )
    with opened as session:
        parts = out.with_name(out.name + ".parts")
        if out.exists():
            _refuse_other(out, _configuration_of(out), session.config)
            shutil.rmtree(parts, ignore_errors=True)
            rows = load_traces(out).frame
            return sample_report(rows, resumed=rows.height, timeouts=0, rate=None)
        if (parts / "config.yaml").is_file():
            found = _loaded(RunStore.read_only(parts).config_yaml)
            _refuse_other(parts, found, session.config)
        packages = ("verigap", "numpy", "polars", *session.packages)
        told = collect_provenance(command, options.seed, packages) | session.provenance()
        text = yaml.safe_dump(dict(session.config), allow_unicode=True)
        with RunStore.open(parts, text, told) as store:
            report = _sampled(session, task, options, store, out, progress)
    shutil.rmtree(parts, ignore_errors=True)
    return report


def _sampled(
    session: Session,
    task: Task,
    options: SampleOptions,
    store: RunStore,
    out: Path,
    progress: Callable[[Progress], None] | None,
) -> SampleReport:
    """Sample what the parts lack, and write the table from all of them."""
    finished = store.finished_cells()
    batches = layout(task, options)
    # A batch is made as it was laid out, whole, so that resuming changes nothing.
    left = [batch for batch in batches if not all(cell(*place) in finished for place in batch)]
    meter = _Meter(sum(map(len, batches)), len(finished), options.max_tokens, progress)
    timeouts = 0
    for made in session.made(left, meter.tell):
        store.write_batch(pl.DataFrame(made.rows, schema=SCHEMA, orient="row"))
        meter.add(len(made.rows), sum(row["n_tokens"] for row in made.rows))
        timeouts += made.timeouts
    rows = store.read_cells()
    write_traces(Traces(rows.drop("cell", "finished", "unhappened"), str(out)), out)
    return sample_report(rows, len(finished), timeouts, meter.rate, tuple(store.warnings))


class _Meter:
    """How far a session is, and how fast."""

    def __init__(
        self,
        total: int,
        resumed: int,
        max_tokens: int,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._total, self._done, self._max_tokens = total, resumed, max_tokens
        self._progress = progress
        self._made = self._tokens = 0
        self._start = time.monotonic()
        self.rate: float | None = None

    def add(self, samples: int, tokens: int) -> None:
        """Count a batch that is stored."""
        self._done += samples
        self._made += samples
        self._tokens += tokens
        self.tell(0)

    def tell(self, tokens: int, doing: str = "") -> None:
        """Say how far we are; `tokens` of the present batch are made."""
        seconds = time.monotonic() - self._start
        made = self._tokens + tokens
        self.rate = made / seconds if seconds > 0 else 0.0
        if self._progress is None:
            return
        # Samples end early, so their mean length is learned from those made.
        mean = self._tokens / self._made if self._made else self._max_tokens
        left = max(0.0, (self._total - self._done) * mean - tokens)
        eta = left / self.rate if self.rate else None
        self._progress(
            Progress(
                done=self._done,
                total=self._total,
                doing=doing,
                produced=made,
                rate=self.rate,
                eta=eta,
            )
        )


def _configuration_of(out: Path) -> dict[str, Any]:
    found = load_traces(out).frame["sampling"].unique().to_list()
    try:
        (text,) = found
        config = json.loads(text)
    except (TypeError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise TableError(f"{out}: is no table of `verigap sample`; choose another path")
    return config


def _loaded(text: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        config = None
    return config if isinstance(config, dict) else {}


def _refuse_other(place: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    names = sorted(name for name in {*found, *asked} if found.get(name) != asked.get(name))
    if not names:
        return
    shown = ", ".join(
        f"{name} {_short(found.get(name))} (asked for: {_short(asked.get(name))})"
        for name in names[:4]
    )
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    raise StoreError(
        f"{place}: holds samples of another configuration: {shown}{more}; choose another path or "
        "remove it"
    )


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
