"""Fine-tune clones and fit verifier heads for every n and repetition, and score them.

A run folder keeps one cell for each finished (n, repetition). Beside it, `OUT.traces` keeps what
the clones said and what the base's own reading of its samples gave.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from verigap.llm_validation.finetuning.base import (
    BaseSamples,
    base_samples,
    head_features,
    read_pools,
    sampling_of,
)
from verigap.llm_validation.finetuning.cells import READ, Setup, cell_name, run_cell, work_of
from verigap.llm_validation.finetuning.options import FinetuneOptions, Meter
from verigap.llm_validation.measuring.finetuned_runs import finetuned_model
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.leashes import Leash, best_policy
from verigap.llm_validation.pools.policy_values import halves
from verigap.llm_validation.pools.selectors import win_table
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks.task import Task
from verigap.llm_validation.traces import Traces
from verigap.storage.digests import digest
from verigap.storage.files import write_durably
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore
from verigap.storage.tables import TableError

# Part of the configuration, so that a change of what is computed is another configuration.
_VERSION = 2


def finetune(
    engine: TransformersEngine,
    traces: Traces,
    task: Task,
    options: FinetuneOptions,
    out: Path,
    command: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> GroupMeasurement:
    """Train, sample and score every cell, continuing where a run stopped.

    Args:
      engine: the base, which is turned to float32.
      traces: its samples, a table of `verigap sample`.
      task: what they are about.
      options: what to train.
      out: the run folder.
      command: the command line, for the account of the run.
      progress: called now and then; it counts readings of a trace.

    Raises:
      TableError: the table is of another model, or its samples cannot be learned from.
      StoreError: the folder holds another run, or another process is at it.

    Example:
      A table teaches only the model that it was sampled from; here is another one.

      >>> from pathlib import Path
      >>> from types import SimpleNamespace
      >>> from verigap.llm_validation.finetuning.finetune import finetune
      >>> from verigap.llm_validation.finetuning.options import FinetuneOptions
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.storage.tables import TableError
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> other = SimpleNamespace(identity={"fingerprint": "sha256:0"})
      >>> try:
      ...     finetune(other, traces, None, FinetuneOptions(data_budgets=(16,)), Path("run"))
      ... except TableError as refusal:
      ...     print(str(refusal).partition(": ")[2])
      was sampled from another model; check the model
    """
    sampling = sampling_of(traces)
    if sampling["fingerprint"] != engine.identity["fingerprint"]:
        raise TableError(f"{traces.source}: was sampled from another model; check the model")
    base = base_samples(traces, task, sampling, engine)
    text = _configuration(options, traces, sampling)
    # What lies in OUT.traces outlives a run folder that was deleted.
    identity = digest(text.encode(), 16)
    packages = ("verigap", "jax", "numpy", "polars", *engine.packages, *task.packages)
    told = {**collect_provenance(command, options.seed, packages), "device": engine.device_name}
    cells = [(n, index) for n in options.data_budgets for index in range(options.repetitions)]
    with RunStore.open(out, text, told, [cell_name(*cell) for cell in cells]) as store:
        folder = out.with_name(out.name + ".traces")
        folder.mkdir(exist_ok=True)
        finished = store.finished_cells()
        missing = [cell for cell in cells if cell_name(*cell) not in finished]
        if missing:
            setup, meter = _prepared(
                engine, task, options, sampling, base, folder, identity, command, missing, progress
            )
            for cell in missing:
                row = run_cell(setup, *cell, meter)
                store.write_batch(pl.DataFrame([row], infer_schema_length=None))
        return finetuned_model(store.read_cells().to_dicts())


def _configuration(options: FinetuneOptions, traces: Traces, sampling: Mapping[str, Any]) -> str:
    """All that the numbers of a run depend on, as YAML."""
    config = {
        **asdict(options),
        "recipe": options.recipe._asdict(),
        "data_budgets": list(options.data_budgets),
        "traces": _digest(traces),
        "sampling": sampling,
        "version": _VERSION,
    }
    return yaml.safe_dump(config, allow_unicode=True)


def _prepared(
    engine: TransformersEngine,
    task: Task,
    options: FinetuneOptions,
    sampling: dict[str, Any],
    base: BaseSamples,
    folder: Path,
    identity: str,
    command: Sequence[str],
    missing: Sequence[tuple[int, int]],
    progress: Callable[[Progress], None] | None,
) -> tuple[Setup, Meter]:
    """What the missing cells share, once the base has read its own samples."""
    # Training needs float32; this turns the engine's own network to it.
    model = engine.model.float()
    pools, horizon = base.pools, int(sampling["max_tokens"])
    train = halves(pools.prompts, seeds=options.repetitions, seed=options.seed)
    returns = pools.returns(horizon)
    kept = folder / f"base-{identity}.npz"
    total = sum(work_of(base, train[index], options, n) for n, index in missing)
    meter = Meter(total + (0 if kept.is_file() else READ * int(pools.sizes.sum())), progress)
    logprob, hidden = _base_reading(model, base, kept, meter)
    return Setup(
        engine=engine,
        task=task,
        options=options,
        sampling=sampling,
        base=base,
        folder=folder,
        identity=identity,
        command=command,
        horizon=horizon,
        train=train,
        returns=returns,
        expert=best_policy(returns, pools.mask, Leash("chi2", options.chi2_radius)),
        wins=win_table(pools.sizes, options.num_candidates),
        logprob=logprob,
        features=head_features(hidden, pools),
    ), meter


def _base_reading(
    model: Any, base: BaseSamples, kept: Path, meter: Meter
) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and hidden states of the base's samples under the base, kept in a file."""
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            return arrays["logprob"], arrays["hidden"]
    meter.begin("reading the base's samples")
    logprob, hidden = read_pools(model, base, np.arange(base.pools.prompts), meter.advance)
    buffer = io.BytesIO()
    np.savez(buffer, logprob=logprob, hidden=hidden)
    write_durably(kept, buffer.getvalue())
    return logprob, hidden


def _digest(traces: Traces) -> str:
    rows = traces.frame.sort("prompt_id", "sample_id").select(
        "prompt_id", "sample_id", "correct", "first_correct", "n_tokens", "text"
    )
    return digest(rows.write_ndjson().encode(), 16)
