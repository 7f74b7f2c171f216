"""What all learners of a run start from: the base's samples, split, tokenised and read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from verigap.llm_validation.finetuning.sequences import (
    TokenSequence,
    completion_tokens,
    read,
)
from verigap.llm_validation.measuring.finetuned_runs import FEATURES
from verigap.llm_validation.pools.features import Features, standardised
from verigap.llm_validation.pools.pools import SamplePools, verified_pools
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks import load_task
from verigap.llm_validation.tasks.task import Problem, Task, TaskOptions, TaskSource
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import TableError

_LOGIT_SD = 4.0
"""Prior standard deviation of the verifier head's logit, with the unit ridge of its fit."""


@dataclass(frozen=True, eq=False)
class BaseSamples:
    """Pools of base samples, one a distinct question, with what continues them.

    Attributes:
      pools: the samples.
      problems: the question of each pool.
      sequences: the tokens of each sample of each pool.
      respelled: share of the samples whose number of tokens is not that of their text; they are
        learned and scored in the tokenizer's own spelling.
    """

    pools: SamplePools
    problems: tuple[Problem, ...]
    sequences: tuple[tuple[TokenSequence, ...], ...]
    respelled: float


def sampling_of(traces: Traces) -> dict[str, Any]:
    """The configuration under which `verigap sample` made a table.

    Raises:
      TableError: it was not made so, or in several ways.
    """
    found = traces.frame["sampling"].unique().to_list()
    try:
        (text,) = found
        config = json.loads(text)
    except (TypeError, ValueError):
        config = None
    if not isinstance(config, dict) or "fingerprint" not in config:
        raise TableError(f"{traces.source}: is no table of one run of `verigap sample`; make one")
    return config


def task_of(sampling: Mapping[str, Any], source: TaskSource) -> Task:
    """The task that a table was sampled on.

    Args:
      sampling: see `sampling_of`.
      source: where its problems come from.

    Raises:
      ValueError: there is no such task, or it asks other questions now.
    """
    wanted = TaskOptions(sampling["style"], sampling["shots"], sampling["task_config"])
    found = load_task(source, sampling["prompts"], sampling["seed"], wanted)
    if found.identity["questions"] != sampling["questions"]:
        raise ValueError("task: asks other questions than the table was sampled on; check it")
    return found


def base_samples(
    traces: Traces, task: Task, sampling: Mapping[str, Any], engine: TransformersEngine
) -> BaseSamples:
    """Pools and tokens of a table; of prompts with the same question the first one stays.

    Raises:
      TableError: no sample was verified, there is no text, or fewer than two questions are left.
    """
    first: dict[Any, Problem] = {}
    for problem in task.problems:
        first.setdefault(problem.messages, problem)
    kept = {problem.prompt_id: problem for problem in first.values()}
    frame = traces.frame.filter(pl.col("prompt_id").is_in(list(kept)))
    (pools,) = verified_pools(Traces(frame, traces.source))
    if pools.prompts < 2:
        raise TableError(f"{traces.source}: needs two questions or more; sample more prompts")
    if pools.text is None:
        raise TableError(f"{traces.source}: has no text to learn from; sample again")
    problems = tuple(kept[prompt_id] for prompt_id in pools.prompt_ids)
    longest, end = int(sampling["max_tokens"]), engine.end_token
    sequences, respelled = [], 0
    for row, problem in enumerate(problems):
        prompt, size = engine.chat(problem.messages), int(pools.sizes[row])
        lengths = pools.n_tokens[row, :size].astype(int).tolist()
        own = [
            completion_tokens(str(text), length, longest, engine.encode, end)
            for text, length in zip(pools.text[row, :size], lengths, strict=True)
        ]
        respelled += sum(len(tokens) != n for tokens, n in zip(own, lengths, strict=True))
        sequences.append(tuple(TokenSequence(prompt, tokens) for tokens in own))
    return BaseSamples(pools, problems, tuple(sequences), respelled / int(pools.sizes.sum()))


def read_pools(
    model: Any,
    base: BaseSamples,
    rows: np.ndarray,
    report: Callable[[int], None] | None = None,
) -> tuple[Float[np.ndarray, "P K"], Float[np.ndarray, "P K D"]]:
    """Log-probability (nats) and hidden states of the samples of some pools; 0 elsewhere."""
    flat = [sequence for row in rows for sequence in base.sequences[row]]
    reading = read(model, flat, report=report)
    place = np.zeros_like(base.pools.mask)
    place[rows] = base.pools.mask[rows]
    logprob = np.zeros(place.shape)
    hidden = np.zeros((*place.shape, reading.hidden.shape[1]), np.float32)
    # Both run over the pools in ascending order, and over the samples of each.
    logprob[place], hidden[place] = reading
    return logprob, hidden


def head_features(hidden: Float[np.ndarray, "P K D"], pools: SamplePools) -> Features:
    """Hidden states as features of a reward model: standardised, then scaled for its prior."""
    known = np.where(pools.mask[:, :, None], hidden, np.nan)
    columns = [standardised(known[:, :, index]) for index in range(hidden.shape[2])]
    values = np.stack(columns, axis=2) * (_LOGIT_SD / hidden.shape[2] ** 0.5)
    return Features(FEATURES, values, pools.mask)
