"""A sampling run: batch after batch into a folder of parts, then one table.

The parts lie beside the table as `TABLE.parts`, a run folder like that of a sweep: whole files
only, with checksums and a lock. The folder goes when the table is written.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from verigap.llm_validation.answers import canonical_answer
from verigap.llm_validation.sampling.engine import Decoding, Engine, Request
from verigap.llm_validation.sampling.first_correct import (
    ANSWER_PROMPT,
    FIRST_MENTION,
    FORCED_TOKENS,
    MODES,
    Outcome,
    Trace,
    default_grid,
    first_mentions,
    forced_answers,
)
from verigap.llm_validation.sampling.report import SampleReport, sample_report
from verigap.llm_validation.tasks.grading import GradingPool
from verigap.llm_validation.tasks.task import Task
from verigap.llm_validation.traces import Traces, load_traces, write_traces
from verigap.storage.digests import digest_seed
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore, StoreError
from verigap.storage.tables import TableError

# Part of the configuration, so that a change of what is drawn or graded is another configuration.
_VERSION = 1
_SCHEMA: Mapping[str, Any] = {
    "cell": pl.String, "dataset": pl.String, "model": pl.String, "prompt_id": pl.String,
    "sample_id": pl.Int64, "correct": pl.Boolean, "correct_at_end": pl.Boolean,
    "first_correct": pl.Int64, "n_tokens": pl.Int64, "answer": pl.String,
    "answer_canonical": pl.String, "logprob": pl.Float64, "text": pl.String, "source": pl.String,
    "sampling": pl.String, "unit": pl.String, "finished": pl.Boolean, "unhappened": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True)
class SampleOptions:
    """How much to sample, and how.

    Attributes:
      samples: of each problem.
      max_tokens: H, at most so many tokens a sample.
      temperature: 1 samples from the model's own law.
      seed: of all draws.
      batch_size: samples made at a time.
      first_correct: one of `first_correct.MODES`.
      grid: prefix lengths of forced answers; None for eighths of `max_tokens`.
      workers: grading processes.
      timeout: seconds to grade one answer.
    """

    samples: int
    max_tokens: int
    temperature: float = 1.0
    seed: int = 0
    batch_size: int = 64
    first_correct: str = FIRST_MENTION
    grid: tuple[int, ...] | None = None
    workers: int = 2
    timeout: float = 10.0

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, not {getattr(self, name)}")
        if not 0 < self.timeout < float("inf"):
            raise ValueError(f"timeout: expected seconds, not {self.timeout}")
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, not {self.seed}")
        if self.first_correct not in MODES:
            raise ValueError(
                f"first_correct: unknown {self.first_correct!r}; use {' or '.join(MODES)}"
            )
        if self.grid is not None:
            if self.first_correct == FIRST_MENTION:
                raise ValueError("grid: of no use where first_correct is first-mention; drop it")
            if not self.grid or min(self.grid) < 1 or list(self.grid) != sorted(set(self.grid)):
                raise ValueError("grid: expected ascending token counts from 1 on")
        Decoding(self.max_tokens, self.temperature)


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
    engine: Engine,
    task: Task,
    options: SampleOptions,
    out: Path,
    command: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> SampleReport:
    """Sample every problem of a task and write the traces, continuing where a run stopped.

    Args:
      engine: the model.
      task: the problems.
      options: how much, and how.
      out: the table, Parquet; its parts lie in `OUT.parts` until it is written.
      command: the command line, for the account of the run.
      progress: called after each token of a batch.

    Raises:
      TableError: `out` cannot be written, or is a table of something else.
      StoreError: the parts are of another configuration, or another process is at them.

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
    config = configuration(engine, task, options)
    parts = out.with_name(out.name + ".parts")
    if out.exists():
        _refuse_other(out, _configuration_of(out), config)
        shutil.rmtree(parts, ignore_errors=True)
        rows = load_traces(out).frame
        return sample_report(rows, resumed=rows.height, timeouts=0, rate=None)
    if (parts / "config.yaml").is_file():
        _refuse_other(parts, _loaded(RunStore.read_only(parts).config_yaml), config)
    packages = ("verigap", "numpy", "polars", *engine.packages, *task.packages)
    told = collect_provenance(command, options.seed, packages)
    store = RunStore.open(parts, yaml.safe_dump(config, allow_unicode=True), told)
    report = _sampled(engine, task, options, config, store, out, progress)
    shutil.rmtree(parts, ignore_errors=True)
    return report


def _sampled(
    engine: Engine,
    task: Task,
    options: SampleOptions,
    config: Mapping[str, Any],
    store: RunStore,
    out: Path,
    progress: Callable[[Progress], None] | None,
) -> SampleReport:
    """Sample what the parts lack, and write the table from all of them."""
    with store, GradingPool(task.judge, options.workers, options.timeout) as pool:
        resumed = len(store.finished_cells())
        sampler = _Sampler(engine, task, options, _sampling(config), pool)
        rate = _complete(sampler, store, progress)
        rows = store.read_cells()
        write_traces(Traces(rows.drop("cell", "finished", "unhappened"), str(out)), out)
        return sample_report(rows, resumed, pool.timeouts, rate, tuple(store.warnings))


def configuration(engine: Engine, task: Task, options: SampleOptions) -> dict[str, Any]:
    """Everything that settles the content of a table; it is in each row's `sampling`."""
    config = {
        **engine.identity,
        **task.identity,
        "prompts": len(task.problems),
        "samples": options.samples,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "seed": options.seed,
        "batch_size": options.batch_size,
        "first_correct": options.first_correct,
        "version": _VERSION,
    }
    if options.first_correct != FIRST_MENTION:
        config["grid"] = list(options.grid or default_grid(options.max_tokens))
        config["answer_prompt"] = ANSWER_PROMPT
        config["forced_tokens"] = FORCED_TOKENS
    return config


def sample_seed(seed: int, prompt: int, sample: int) -> int:
    """The seed of one sample, a function of its place alone."""
    return digest_seed(f"verigap sample {seed} {prompt} {sample}", 64)


def _sampling(config: Mapping[str, Any]) -> str:
    """A configuration as every row of the table has it."""
    return json.dumps(config, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class _Sampler:
    """What makes a batch, the same for all of them.

    Attributes:
      engine: the model.
      task: the problems.
      options: how much, and how.
      sampling: the configuration as text.
      pool: processes that grade.
    """

    engine: Engine
    task: Task
    options: SampleOptions
    sampling: str
    pool: GradingPool

    @cached_property
    def prompts(self) -> list[tuple[int, ...]]:
        """Tokens of every problem."""
        return [self.engine.chat(problem.messages) for problem in self.task.problems]

    @property
    def places(self) -> list[tuple[int, int]]:
        """Problem and number of every sample, in the order in which they are made."""
        samples = range(self.options.samples)
        return [(prompt, sample) for prompt in range(len(self.task.problems)) for sample in samples]

    def batch(
        self, places: Sequence[tuple[int, int]], tell: Callable[[int], None]
    ) -> list[dict[str, Any]]:
        """The rows of one batch; `tell` is called with the number of tokens made so far."""
        options = self.options
        requests = [
            Request(self.prompts[prompt], sample_seed(options.seed, prompt, sample))
            for prompt, sample in places
        ]
        completions = self.engine.generate(
            requests, Decoding(options.max_tokens, options.temperature), tell
        )
        traces = [
            Trace(self.task.problems[prompt], request, completion)
            for (prompt, _), request, completion in zip(places, requests, completions, strict=True)
        ]
        if options.first_correct == FIRST_MENTION:
            outcomes = first_mentions(traces, self.engine, self.pool)
        else:
            grid = options.grid or default_grid(options.max_tokens)
            outcomes = forced_answers(traces, self.engine, self.pool, grid, options.batch_size)
        return [
            self._row(place, trace, outcome)
            for place, trace, outcome in zip(places, traces, outcomes, strict=True)
        ]

    def _row(self, place: tuple[int, int], trace: Trace, outcome: Outcome) -> dict[str, Any]:
        completion, answer = trace.completion, outcome.answer
        return {
            "cell": _cell(*place),
            "dataset": self.task.name,
            "model": self.engine.identity["model"],
            "prompt_id": trace.problem.prompt_id,
            "sample_id": place[1],
            "correct": outcome.correct,
            "correct_at_end": outcome.correct_at_end,
            "first_correct": outcome.first_correct,
            "n_tokens": len(completion.tokens),
            "answer": answer,
            "answer_canonical": None if answer is None else canonical_answer(answer),
            "logprob": sum(completion.logprobs),
            "text": completion.text,
            "source": f"verigap sample; first_correct by {self.options.first_correct}",
            "sampling": self.sampling,
            "unit": "tokens",
            "finished": completion.finished,
            "unhappened": outcome.unhappened,
        }


def _complete(
    sampler: _Sampler, store: RunStore, progress: Callable[[Progress], None] | None
) -> float | None:
    """Make and store every batch that is not there yet; tokens a second, None without a batch."""
    places, size = sampler.places, sampler.options.batch_size
    finished = store.finished_cells()
    meter = _Meter(len(places), len(finished), sampler.options.max_tokens, progress)
    for start in range(0, len(places), size):
        # A batch is made as it was laid out, whole, so that resuming changes nothing.
        batch = places[start : start + size]
        if all(_cell(*place) in finished for place in batch):
            continue
        rows = sampler.batch(batch, meter.tell)
        store.write_batch(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))
        meter.add(len(batch), sum(row["n_tokens"] for row in rows))
    return meter.rate


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

    def tell(self, tokens: int) -> None:
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
            Progress(done=self._done, total=self._total, produced=made, rate=self.rate, eta=eta)
        )


def _cell(prompt: int, sample: int) -> str:
    return f"p{prompt:07}-s{sample:07}"


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
