"""Every reader of files and texts of others, as a function of bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import seeds

Feed = Callable[[bytes, Path], object]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A reader.

    Attributes:
      feed: reads an input; the folder is there to write it to.
      seeds: valid inputs.
      refuses: whether it may refuse an input.
    """

    feed: Feed
    seeds: Callable[[], list[bytes]]
    refuses: bool = True


def config(data: bytes, folder: Path) -> object:
    from verigap.sim.sweeps.cells import load_sweep

    path = folder / "config.yaml"
    path.write_bytes(data)
    # A configuration may name a law table, and one of the seeds does.
    (folder / "laws.parquet").write_bytes(seeds.law_tables()[0])
    return load_sweep(path).resolved_yaml()


def trace_table(data: bytes, folder: Path) -> object:
    from verigap.llm_validation.traces import load_traces

    path = folder / "traces.parquet"
    path.write_bytes(data)
    return load_traces(path).num_prompts


def samples(data: bytes, folder: Path) -> object:
    """Any file, recognised by its content."""
    from verigap.llm_validation.importers import read_samples

    path = folder / ("log." + ("parquet", "json", "jsonl", "csv", "eval", "yaml")[len(data) % 6])
    path.write_bytes(data)
    return read_samples(path).traces.num_samples


def importer(name: str) -> Feed:
    """One importer, which leaves bad records out where the input has an odd length."""

    def feed(data: bytes, folder: Path) -> object:
        path = folder / f"log{suffix(data)}"
        path.write_bytes(data)
        return _imported(name, path, skip_bad=len(data) % 2 == 1)

    return feed


def helm(data: bytes, folder: Path) -> object:
    """The importer that reads two files which lie beside each other: the data are one of them."""
    files = dict(seeds.helm_files())
    files["scenario_state.json" if b"request_states" in data else "per_instance_stats.json"] = data
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return _imported("helm", folder / min(files), skip_bad=len(data) % 2 == 1)


def _imported(name: str, path: Path, *, skip_bad: bool) -> object:
    from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

    options = ImportOptions(skip_bad=skip_bad)
    return import_traces(FORMATS[name], [path], path.parent / "out.parquet", options).warnings


def suffix(data: bytes) -> str:
    """What the name of a file of such content ends with."""
    start = data.lstrip()[:1]
    if data[:4] == b"PAR1":
        return ".parquet"
    if data[:2] == b"PK":
        return ".eval"
    if start == b"[":
        return ".json"
    if start == b"{":
        return ".json" if b"\n{" not in data else ".jsonl"
    return ".csv" if b"," in data[:200] else ".yaml"


def law_table(data: bytes, folder: Path) -> object:
    from verigap.sim.sweeps import read_law_table

    path = folder / "laws.parquet"
    path.write_bytes(data)
    return read_law_table(path).select(8).probabilities


def laws_of_prediction(data: bytes, folder: Path) -> object:
    from verigap.llm_validation.predicting.group_laws import read_laws

    path = folder / ("laws.parquet" if data[:4] == b"PAR1" else "laws.json")
    path.write_bytes(data)
    return read_laws(path)


def run_folder(data: bytes, folder: Path) -> object:
    """A run folder with one file replaced: the first byte says which.

    Where it is odd the manifest is left out, so that what its digests find out is read as well. The
    names of batches stay: their checksums vouch for what Polars is given.
    """
    from verigap.sim.sweeps.stored import stored_cells, stored_completeness, stored_config
    from verigap.storage.run_store import RunStore

    files = dict(seeds.run_files())
    choice = data[0] if data else 0
    name = list(files)[choice // 2 % len(files)]
    files[name] = data[1:]
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    (run / "cells").mkdir(parents=True)
    for path, content in files.items():
        if choice % 2 and path == "manifest.json":
            continue
        (run / path).write_bytes(content)
    store = RunStore.read_only(run)
    cells = stored_cells(store)
    store.failures()
    return stored_config(store), stored_completeness(store, cells)


def stage(data: bytes, folder: Path) -> object:
    from verigap.storage.stages import KeptStages

    kept = KeptStages(folder / "stages", "fuzz")
    kept.write("a", 1)
    for path in (folder / "stages").iterdir():
        path.write_bytes(data)
    return kept.read("a")


def network(data: bytes, folder: Path) -> object:
    from verigap.sim.models import load_parameters

    path = folder / "model"
    path.write_bytes(data)
    return load_parameters(path)


def question_file(data: bytes, folder: Path) -> object:
    from verigap.llm_validation.tasks.jsonl_task import load_jsonl
    from verigap.llm_validation.tasks.task import TaskOptions

    path = folder / "questions.jsonl"
    path.write_bytes(data)
    return load_jsonl(path, 1, 0, TaskOptions())


def text(data: bytes, _: Path) -> object:
    """A reply of a model, and as a right answer its end."""
    from verigap.llm_validation.answers import canonical_answer, same_answer
    from verigap.llm_validation.extraction import extract_answer, last_quantity, reply_alone
    from verigap.llm_validation.importers.grading import assess
    from verigap.llm_validation.tasks.assertions import assertions, leading_answer

    reply = data.decode(errors="surrogateescape")
    half = reply[len(reply) // 2 :]
    found = extract_answer(reply), last_quantity(reply), reply_alone(reply), leading_answer(reply)
    canonical_answer(reply)
    same_answer(reply[:200], half[:200])
    assertions(reply, len(data) % 2 == 0)
    return found, assess(reply, [half])


def targets() -> Mapping[str, Target]:
    """Every target by its name."""
    from verigap.llm_validation.importers import FORMATS

    importers = {
        f"import {name}": Target(
            feed=helm if name == "helm" else importer(name), seeds=seeds.logs(name)
        )
        for name in FORMATS
    }
    return {
        "config": Target(feed=config, seeds=seeds.configs),
        "traces": Target(feed=trace_table, seeds=seeds.traces),
        "samples": Target(feed=samples, seeds=seeds.traces),
        **importers,
        "laws": Target(feed=law_table, seeds=seeds.law_tables),
        "laws to predict from": Target(
            feed=laws_of_prediction, seeds=lambda: [*seeds.law_tables(), *seeds.fits()]
        ),
        "run folder": Target(feed=run_folder, seeds=seeds.run_folders),
        "kept stage": Target(feed=stage, seeds=seeds.stages, refuses=False),
        "network": Target(feed=network, seeds=seeds.networks),
        "questions": Target(feed=question_file, seeds=seeds.questions),
        "text": Target(feed=text, seeds=seeds.texts, refuses=False),
    }
