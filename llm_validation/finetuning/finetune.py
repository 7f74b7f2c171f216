"""Fine-tune clones and fit verifier heads for every n and repetition, and score them.

A run folder keeps one cell for each finished (n, repetition). Beside it, `OUT.traces` keeps what
the clones said and what the base's own reading of its samples gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from verigap.llm_validation.finetuning.cloning import Recipe, fine_tune
from verigap.llm_validation.measuring.finetuned_runs import GAME, finetuned_model
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.cloning import draw_traces
from verigap.llm_validation.pools.features import Features, visible_answers
from verigap.llm_validation.pools.policy_values import (
    expert_policies,
    halves,
    learner_values,
)
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.llm_validation.pools.selectors import best_of_pool, vote, win_table
from verigap.llm_validation.sampling.sample import SampleOptions, sample_traces
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks.task import Task
from verigap.llm_validation.traces import Traces, read_traces
from verigap.storage.digests import digest
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore
from verigap.storage.tables import TableError

# Part of the configuration, so that a change of what is computed is another configuration.
_VERSION = 1
# What a trace costs, about, in units of reading it once.
_READ, _SAMPLE, _TRAIN = 1, 2, 6


@dataclass(frozen=True)
class FinetuneOptions:
    """What to train and how to score it.

    Attributes:
      data: distinct n, ascending: demonstrations of the cloner, labelled traces of the head.
      repetitions: splits of the prompts into halves, pairs of them swapped; and training data.
      samples: of each held-out prompt by each clone.
      candidates: N of best-of-N and of the vote.
      radius: chi-square leash kappa.
      recipe: of fine-tuning.
      batch_size: traces sampled at a time.
      seed: of all randomness.
    """

    data: tuple[int, ...]
    repetitions: int = 2
    samples: int = 32
    candidates: int = 8
    radius: float = 1.0
    recipe: Recipe = field(default_factory=Recipe)
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        recipe = self.recipe
        if not self.data or min(self.data) < 1 or list(self.data) != sorted(set(self.data)):
            raise ValueError("data_budgets: expected ascending numbers of traces from 1 on")
        for name, value, least in (
            ("repetitions", self.repetitions, 1),
            ("samples", self.samples, 1),
            ("num_candidates", self.candidates, 1),
            ("batch_size", self.batch_size, 1),
            ("seed", self.seed, 0),
            ("epochs", recipe.epochs, 1),
            ("train_batch_size", recipe.batch_size, 1),
        ):
            if value < least:
                raise ValueError(f"{name}: expected at least {least}, not {value}")
        for name, value in (("chi2_radius", self.radius), ("learning_rate", recipe.learning_rate)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}: expected a number above 0, not {value}")


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
    """
    sampling = sampling_of(traces)
    if sampling["fingerprint"] != engine.identity["fingerprint"]:
        raise TableError(f"{traces.source}: was sampled from another model; check the model")
    base = base_samples(traces, task, sampling, engine)
    config = {
        **asdict(options),
        "recipe": options.recipe._asdict(),
        "data": list(options.data),
        "traces": _digest(traces),
        "sampling": sampling,
        "version": _VERSION,
    }
    text = yaml.safe_dump(config, allow_unicode=True)
    # What lies in OUT.traces outlives a run folder that was deleted.
    identity = digest(text.encode(), 16)
    packages = ("verigap", "jax", "numpy", "polars", *engine.packages, *task.packages)
    told = {**collect_provenance(command, options.seed, packages), "device": engine.device_name}
    with RunStore.open(out, text, told) as store:
        beside = out.with_name(out.name + ".traces")
        beside.mkdir(exist_ok=True)
        run = _Run(engine, task, options, sampling, base, beside, identity, command, progress)
        finished = store.finished_cells()
        cells = [(n, index) for n in options.data for index in range(options.repetitions)]
        missing = [cell for cell in cells if _name(*cell) not in finished]
        if missing:
            run.prepare(missing)
        for cell in missing:
            store.write_batch(pl.DataFrame([run.cell(*cell)], infer_schema_length=None))
        return finetuned_model(store.read_cells().to_dicts())


class _Run:
    """The cells of one session."""

    def __init__(
        self,
        engine: TransformersEngine,
        task: Task,
        options: FinetuneOptions,
        sampling: dict[str, Any],
        base: BaseSamples,
        beside: Path,
        identity: str,
        command: Sequence[str],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.engine, self.task, self.options, self.sampling = engine, task, options, sampling
        self.base, self.beside, self.identity = base, beside, identity
        self.command, self.progress = command, progress
        self.model = engine.model.float()
        pools, self.horizon = base.pools, int(sampling["max_tokens"])
        self.train = halves(pools.prompts, seeds=options.repetitions, seed=options.seed)
        self.returns, self.mask = pools.returns(self.horizon), pools.mask
        self.expert = expert_policies(self.returns, self.mask, options.radius)
        self.wins = win_table(pools.sizes, options.candidates)
        self.logprob, self.phi = np.zeros(0), Features((), np.zeros(0), self.mask)
        self.start, self.done, self.total, self.doing = time.monotonic(), 0, 0, ""

    def prepare(self, cells: Sequence[tuple[int, int]]) -> None:
        """Read the base's samples by the base."""
        pools, options = self.base.pools, self.options
        for n, index in cells:
            held_out = ~self.train[index]
            self.total += _TRAIN * n * options.recipe.epochs
            self.total += _SAMPLE * int(held_out.sum()) * options.samples
            self.total += _READ * int(pools.sizes[held_out].sum())
        kept = self.beside / f"base-{self.identity}.npz"
        self.doing = "reading the base's samples"
        if kept.is_file():
            with np.load(kept, allow_pickle=False) as arrays:
                self.logprob, hidden = arrays["logprob"], arrays["hidden"]
        else:
            self.total += _READ * int(pools.sizes.sum())
            everything = np.arange(pools.prompts)
            self.logprob, hidden = read_pools(self.model, self.base, everything, self._advance)
            draft = kept.with_name(f".{kept.name}")
            with draft.open("wb") as file:
                np.savez(file, logprob=self.logprob, hidden=hidden)
            draft.replace(kept)
        self.phi = head_features(hidden, pools)

    def cell(self, n: int, index: int) -> dict[str, Any]:
        """Train and score the learners of one n and repetition: one row."""
        options, pools, name = self.options, self.base.pools, _name(n, index)
        train = self.train[index]
        uniforms = np.random.default_rng([options.seed, 1, index]).random((n, 4))[None]
        solved = train & (self.returns > 0).any(axis=1)
        if not solved.any():
            raise TableError(
                f"repetition {index}: no training pool holds a success, so there is no expert to "
                "clone; sample more prompts"
            )
        shown = draw_traces(self.expert, solved[None], uniforms[..., :2])
        places = list(zip(shown.prompt[0], shown.sample[0], strict=True))
        self.doing = f"n = {n}, repetition {index}: fine-tuning"
        begun = time.monotonic()
        clone = fine_tune(
            self.model,
            [self.base.sequences[prompt][sample] for prompt, sample in places],
            options.recipe,
            (options.seed, 2, n, index),
            lambda count: self._advance(_TRAIN * count),
        )
        seconds = time.monotonic() - begun
        earned, correct = self._sampled(clone.model, n, index)
        self.doing = f"n = {n}, repetition {index}: reading the base's samples by the clone"
        held_out = np.flatnonzero(~train)
        logprob, _ = read_pools(clone.model, self.base, held_out, self._advance)
        policy = _on_pools(logprob - self.logprob, self.mask, train)
        values = self._references() | {
            "clone": earned,
            **self._learned(policy, n, train, uniforms[..., 2:]),
        }
        sizes = 1 / (policy[held_out] ** 2).sum(axis=1)
        return {
            "cell": name,
            "game": GAME,
            "dataset": pools.dataset,
            "model": pools.model,
            "n": n,
            "repetition": index,
            "seeds": options.repetitions,
            "horizon": self.horizon,
            "candidates": options.candidates,
            "radius": options.radius,
            "samples": int(pools.sizes.sum()),
            "unverified": pools.unverified,
            "mixed": pools.mixed,
            "expert_share": pools.expert_share,
            "respelled": self.base.respelled,
            "distinct": len(set(places)),
            "first_loss": clone.first_loss,
            "last_loss": clone.last_loss,
            "clone_correct": correct,
            "effective_size": float(sizes.mean()),
            "seconds": seconds,
            "prompt_ids": list(pools.prompt_ids),
            **{
                key: np.where(train, np.nan, value).astype(np.float32).tolist()
                for key, value in values.items()
            },
        }

    def _sampled(self, model: Any, n: int, index: int) -> tuple[np.ndarray, float]:
        """Mean return of a clone on each held-out prompt, and its share of correct samples.

        A sample that could not be verified counts as incorrect.
        """
        options, sampling = self.options, self.sampling
        self.doing = f"n = {n}, repetition {index}: sampling the clone"
        held_out = np.flatnonzero(~self.train[index])
        before = 0

        def advance(progress: Progress) -> None:
            nonlocal before
            self._advance(_SAMPLE * (progress.done - before))
            before = progress.done

        path = self.beside / f"{_name(n, index)}.parquet"
        fingerprint = f"{sampling['fingerprint']} cloned {self.identity} {n} {index}"
        grid = sampling.get("grid")
        sample_traces(
            self.engine.with_model(model, f"clone of {self.base.pools.model}", fingerprint),
            replace(self.task, problems=tuple(self.base.problems[row] for row in held_out)),
            SampleOptions(
                options.samples,
                self.horizon,
                sampling["temperature"],
                int(np.random.default_rng([options.seed, 3, n, index]).integers(2**62)),
                options.batch_size,
                sampling["first_correct"],
                None if grid is None else tuple(grid),
            ),
            path,
            self.command,
            advance,
        )
        rows = read_traces(path).frame
        each = (self.horizon - rows["first_correct"] + 1).clip(0).fill_null(0)
        found = dict(rows.select("prompt_id", earned=each).group_by("prompt_id").mean().iter_rows())
        correct = rows["correct"].fill_null(value=False).mean()
        earned = np.array([found.get(name, np.nan) for name in self.base.pools.prompt_ids])
        return earned, float(np.asarray(correct))

    def _learned(
        self, policy: np.ndarray, n: int, train: np.ndarray, uniforms: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Values of the clone on the leash and of both uses of the verifier head."""
        pools = self.base.pools
        drawn = draw_traces(self.mask / pools.sizes[:, None], train[None], uniforms)
        labels = self.returns[drawn.prompt, drawn.sample] / self.horizon
        labelled = LabelledTraces(drawn.prompt, drawn.sample, labels)
        predicted, converged = predicted_returns(self.phi, labelled, (n,))
        if not converged.all():
            raise TableError(
                f"n = {n}: the fit of the verifier head did not converge; give more training traces"
            )
        _, *values = learner_values(
            policy[None, None], predicted, self.returns, self.mask, self.wins, self.options.radius
        )
        names = ("clone_leashed", "verify", "verify_leashed")
        return {key: np.asarray(value)[0, 0] for key, value in zip(names, values, strict=True)}

    def _references(self) -> dict[str, np.ndarray]:
        """Values of the policies that learn nothing."""
        pools, options = self.base.pools, self.options
        exact = np.asarray(best_of_pool(self.returns, self.mask, self.wins))
        answers = visible_answers(pools, self.horizon)
        return {
            "base": self.returns.sum(axis=1) / pools.sizes,
            "expert": (self.expert * self.returns).sum(axis=1),
            "vote": vote(answers, self.returns, self.mask, options.candidates, options.seed),
            "exact": (exact * self.returns).sum(axis=1),
        }

    def _advance(self, work: int) -> None:
        self.done += work
        if self.progress is None:
            return
        seconds = time.monotonic() - self.start
        eta = seconds * (self.total / self.done - 1) if self.done else None
        self.progress(Progress(done=self.done, total=self.total, doing=self.doing, eta=eta))


def _on_pools(log_ratio: np.ndarray, mask: np.ndarray, train: np.ndarray) -> np.ndarray:
    """A policy restricted to pools of base samples: importance weights that sum to 1 on each."""
    scores = np.where(mask, np.where(train[:, None], 0.0, log_ratio), -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _digest(traces: Traces) -> str:
    rows = traces.frame.sort("prompt_id", "sample_id").select(
        "prompt_id", "sample_id", "correct", "first_correct", "n_tokens", "text"
    )
    return digest(rows.write_ndjson().encode(), 16)


def _name(n: int, index: int) -> str:
    return f"n{n:07}-r{index:03}"
