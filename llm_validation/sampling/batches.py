"""How samples are laid out in batches, and what makes a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from verigap.llm_validation.answers import canonical_answer
from verigap.llm_validation.sampling.engine import Decoding, Engine, Request
from verigap.llm_validation.sampling.first_correct import (
    ANSWER_PROMPT,
    FIRST_MENTION,
    FORCED_TOKENS,
    Outcome,
    Trace,
    default_grid,
    first_mentions,
    forced_answers,
)
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.tasks.grading import GradingPool
from verigap.llm_validation.tasks.task import Task
from verigap.storage.digests import digest_seed

# Part of the configuration, so that a change of what is drawn or graded is another configuration.
_VERSION = 1

Places = tuple[tuple[int, int], ...]
"""A batch: problem and number of every sample, both from 0."""

SCHEMA: Mapping[str, Any] = {
    "cell": pl.String, "dataset": pl.String, "model": pl.String, "prompt_id": pl.String,
    "sample_id": pl.Int64, "correct": pl.Boolean, "correct_at_end": pl.Boolean,
    "first_correct": pl.Int64, "n_tokens": pl.Int64, "answer": pl.String,
    "answer_canonical": pl.String, "logprob": pl.Float64, "text": pl.String, "source": pl.String,
    "sampling": pl.String, "unit": pl.String, "finished": pl.Boolean, "unhappened": pl.Boolean,
}  # fmt: skip


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


def layout(task: Task, options: SampleOptions) -> list[Places]:
    """Every batch, in the order in which they are begun."""
    samples, size = range(options.samples), options.batch_size
    places = [(prompt, sample) for prompt in range(len(task.problems)) for sample in samples]
    return [tuple(places[start : start + size]) for start in range(0, len(places), size)]


def cell(prompt: int, sample: int) -> str:
    """The name of a sample in the run store; names sort as samples do in the table."""
    return f"p{prompt:07}-s{sample:07}"


@dataclass(frozen=True)
class Sampler:
    """What makes a batch, the same for all of them.

    Attributes:
      engine: the model.
      task: the problems.
      options: how much, and how.
      pool: processes that grade.
    """

    engine: Engine
    task: Task
    options: SampleOptions
    pool: GradingPool

    @cached_property
    def sampling(self) -> str:
        """The configuration as every row of the table has it."""
        config = configuration(self.engine, self.task, self.options)
        return json.dumps(config, sort_keys=True, ensure_ascii=False)

    @cached_property
    def prompts(self) -> list[tuple[int, ...]]:
        """Tokens of every problem."""
        return [self.engine.chat(problem.messages) for problem in self.task.problems]

    def batch(
        self, places: Places, tell: Callable[[int], None] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of one batch.

        Args:
          places: the batch, one that was laid out: what is drawn may depend on it by rounding.
          tell: called with the number of tokens made so far.
        """
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
            "cell": cell(*place),
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
