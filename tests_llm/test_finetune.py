"""`verigap finetune` with the tiny model, and what it rests on."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import polars as pl
import pytest
import torch  # pyright: ignore[reportMissingImports]

from tests.cli.command import Command, succeeded
from verigap.llm_validation.finetuning.base import (
    base_samples,
    head_features,
    read_pools,
    sampling_of,
    task_of,
)
from verigap.llm_validation.finetuning.cloning import Recipe, fine_tune
from verigap.llm_validation.finetuning.finetune import finetune
from verigap.llm_validation.finetuning.options import FinetuneOptions
from verigap.llm_validation.finetuning.sequences import TokenSequence, completion_tokens, read
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.llm_validation.sampling.engine import Decoding, ModelSpec, Request
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.sampling.sample import sample_traces
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks import QuestionFile, ReasoningGymDataset, load_task
from verigap.llm_validation.tasks.task import TaskOptions
from verigap.llm_validation.traces import Traces, load_traces
from verigap.storage.run_store import RunStore
from verigap.storage.tables import TableError

LONGEST = 12


@pytest.fixture(scope="module")
def engine(tiny: Path) -> TransformersEngine:
    return TransformersEngine.load(ModelSpec(str(tiny), "float32"))


@pytest.fixture(scope="module")
def table(engine: TransformersEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of the tiny model, which now and then answers 8; the last question comes twice."""
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "q.jsonl").write_text(
        "\n".join(json.dumps({"question": f"{i} is", "answer": 8}) for i in [*range(7), 6])
    )
    task = load_task(QuestionFile(folder / "q.jsonl"), 8, 0, TaskOptions("plain"))
    sample_traces(engine, task, SampleOptions(64, LONGEST), folder / "t.parquet")
    return folder / "t.parquet"


def test_reading_gives_the_probabilities_with_which_it_was_sampled(
    engine: TransformersEngine,
) -> None:
    prompts = [engine.encode(text) for text in ("1 is", "12 = 3 is ", "4")]
    requests = [Request(prompts[seed % 3], seed) for seed in range(9)]
    made = engine.generate(requests, Decoding(8))
    sequences = [
        TokenSequence(request.prompt, completion.tokens)
        for request, completion in zip(requests, made, strict=True)
    ]
    found = read(engine.model, sequences, 4)
    assert found.logprob == pytest.approx([sum(one.logprobs) for one in made], abs=1e-4)
    assert len({len(sequence.completion) for sequence in sequences}) > 1
    # Neither the batch nor the padding of the others changes what is read of a sequence.
    for (prompt, completion), hidden in zip(sequences, found.hidden, strict=True):
        with torch.inference_mode():
            out = engine.model(torch.tensor([[*prompt, *completion]]), output_hidden_states=True)
        own = out.hidden_states[-1][0, len(prompt) :].numpy()
        expected = np.concatenate([own.mean(axis=0), own[-1]])
        assert hidden == pytest.approx(expected, abs=1e-4)


def test_fine_tuning_learns_completions_and_leaves_the_base(engine: TransformersEngine) -> None:
    shown = [TokenSequence(engine.encode(f"{i} is"), engine.encode("= 7")) for i in range(4)]
    before = read(engine.model, shown, 4).logprob
    recipe = Recipe(epochs=20, learning_rate=1e-2, batch_size=3)
    clone = fine_tune(engine.model, shown, recipe, (0, 1))
    assert clone.last_loss < 0.1 < clone.first_loss
    assert (read(clone.model, shown, 4).logprob > -0.5).all()
    assert read(engine.model, shown, 4).logprob == pytest.approx(before)
    again = fine_tune(engine.model, shown, recipe, (0, 1))
    assert again.last_loss == pytest.approx(clone.last_loss, rel=1e-5)


def test_a_text_gives_its_tokens_back(engine: TransformersEngine) -> None:
    end = engine.end_token
    text = "1 = is"
    tokens = engine.encode(text)
    size = len(tokens)
    assert completion_tokens(text, size, size, engine.encode, end) == tokens
    assert completion_tokens(text, size + 1, size + 1, engine.encode, end) == (*tokens, end)
    assert completion_tokens(text, size + 1, size + 9, engine.encode, end) == (*tokens, end)
    assert completion_tokens("", 1, 9, engine.encode, end) == (end,)
    assert completion_tokens(text, size - 1, size - 1, engine.encode, end) == tokens[:-1]


def test_a_head_learns_from_labelled_traces(engine: TransformersEngine, table: Path) -> None:
    traces = load_traces(table)
    task = task_of(sampling_of(traces), QuestionFile(table.parent / "q.jsonl"))
    base = base_samples(traces, task, sampling_of(traces), engine)
    assert base.pools.prompts == 7
    # Merges that the model did not use make a text shorter than what was sampled.
    assert 0 <= base.respelled < 0.5
    logprob, hidden = read_pools(engine.model, base, np.arange(7))
    assert np.corrcoef(logprob.ravel(), base.pools.logprob.ravel())[0, 1] > 0.9
    # Something that the last hidden state surely tells: which token it was.
    ended = np.array(
        [[s.completion[-1] == engine.end_token for s in row] for row in base.sequences]
    )
    prompt, sample = np.divmod(np.random.default_rng(0).permutation(7 * 64)[None, :200], 64)
    labelled = LabelledTraces(prompt, sample, ended[prompt, sample].astype(float))
    few, many = predicted_returns(head_features(hidden, base.pools), labelled, (4, 200)).returns[
        :, 0
    ]
    unseen = np.ones((7, 64), bool)
    unseen[prompt, sample] = False
    accuracy = [((p > 0.5) == ended)[unseen].mean() for p in (few, many)]
    assert accuracy[1] > max(0.9, accuracy[0])
    assert 0.1 < ended.mean() < 0.9


def test_clones_earn_more_and_the_run_reads_as_a_measurement(
    verigap: Command, engine: TransformersEngine, tiny: Path, table: Path
) -> None:
    folder = table.parent
    asked = (
        "finetune", table, "--model", tiny, "--task", "jsonl:q.jsonl", "--n", "8,64",
        "--samples", 32, "--learning-rate", 0.02, "--epochs", 4, "--out", "run", "--json",
    )  # fmt: skip
    first = json.loads(succeeded(verigap(*asked, cwd=folder)).stdout)
    (group,) = first["groups"]
    # Two prompts ask the same question, and only one of them is kept.
    assert (group["prompts"], group["repetitions"], group["samples"]) == (7, 2, 7 * 64)
    assert group["learned_by"] == "fine-tuning"
    few, many = group["cells"]
    assert (few["data_budget"], many["data_budget"], many["horizon"]) == (8, 64, LONGEST)
    means = {name: value["estimate"] for name, value in many["values"].items()}
    assert means["clone"] > 4 * means["base"] > 0
    assert means["base"] < means["exact"]
    assert 0 <= means["verify"] <= means["exact"]
    assert many["gap_unleashed"]["estimate"] == pytest.approx(means["verify"] - means["clone"])
    row = RunStore.read_only(folder / "run").read_cells().row(-1, named=True)
    assert row["last_loss"] < row["first_loss"]
    # Half of the prompts, and only they, were put to the clone.
    asked_of = pl.read_parquet(folder / "run.traces" / f"{row['cell']}.parquet")["prompt_id"]
    pairs = zip(row["prompt_ids"], row["clone"], strict=True)
    assert {name for name, value in pairs if not np.isnan(value)} == set(asked_of)
    assert asked_of.n_unique() in (3, 4)
    read_back = succeeded(verigap("measure", "--finetuned", "run", "--json", cwd=folder))
    assert json.loads(read_back.stdout) == first
    # A cell that is gone is made again, the same, even without what the clone said.
    for lost in [*folder.glob("run/cells/n0000064-r001-*"), *folder.glob("run.traces/*r001*")]:
        lost.unlink()
    traces = load_traces(table)
    task = task_of(sampling_of(traces), QuestionFile(folder / "q.jsonl"))
    options = FinetuneOptions((8, 64), samples=32, recipe=Recipe(4, 0.02))
    # In the precision of the command line: what ties is a matter of it.
    with jax.enable_x64(True):
        again = finetune(engine, traces, task, options, folder / "run").means()
    assert {name: value[0, 1] for name, value in again.items()} == pytest.approx(means, rel=1e-4)


def test_refusals(engine: TransformersEngine, table: Path, tmp_path: Path) -> None:
    for changes, says in (
        ({"data_budgets": (8, 4)}, "data_budgets: expected ascending"),
        ({"samples": 0}, "samples: expected at least 1"),
        ({"recipe": Recipe(epochs=0)}, "epochs: expected at least 1"),
        ({"recipe": Recipe(learning_rate=0.0)}, "learning_rate: expected a number above 0"),
    ):
        with pytest.raises(ValueError, match=says):
            FinetuneOptions(**{"data_budgets": (4, 8), **changes})
    traces = load_traces(table)
    sampling = sampling_of(traces)
    with pytest.raises(ValueError, match="task: asks other questions"):
        task_of(sampling, ReasoningGymDataset("products"))
    with pytest.raises(TableError, match="is no table of one run of `verigap sample`"):
        sampling_of(Traces(traces.frame.with_columns(sampling=None)))
    mute = Traces(traces.frame.with_columns(text=None), "t")
    known = load_task(QuestionFile(table.parent / "q.jsonl"), 8, 0, TaskOptions("plain"))
    with pytest.raises(TableError, match="t: has no text to learn from"):
        base_samples(mute, known, sampling, engine)
    other = engine.with_model(engine.model, "other", "sha256:0")
    task = task_of(sampling, QuestionFile(table.parent / "q.jsonl"))
    with pytest.raises(TableError, match="sampled from another model"):
        finetune(other, traces, task, FinetuneOptions((4,)), tmp_path / "run")
    wrong = Traces(traces.frame.with_columns(correct=False, first_correct=None), "t")
    with pytest.raises(TableError, match="no training pool holds a success"):
        finetune(engine, wrong, task, FinetuneOptions((4,)), tmp_path / "run")
