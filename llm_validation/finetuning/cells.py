"""One (n, repetition) of a fine-tuning run: a clone and a verifier head, trained and scored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.finetuning.base import BaseSamples, read_pools
from verigap.llm_validation.finetuning.cloning import fine_tune
from verigap.llm_validation.finetuning.options import FinetuneOptions, Meter
from verigap.llm_validation.measuring.finetuned_runs import GAME
from verigap.llm_validation.pools.cloning import draw_traces
from verigap.llm_validation.pools.features import Features, visible_answers
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.pools.policy_values import learner_values
from verigap.llm_validation.pools.reward_model import LabelledTraces, predicted_returns
from verigap.llm_validation.pools.selectors import best_of_pool, vote
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.sampling.sample import sample_traces
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks.task import Task
from verigap.llm_validation.traces import load_traces
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError

# What a trace costs, about, in units of reading it once.
READ, SAMPLE, TRAIN = 1, 2, 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """What the cells of a run share.

    Attributes:
      engine: the base, in float32.
      task: what the samples are about.
      options: what is trained.
      sampling: the configuration under which the base was sampled.
      base: its samples.
      folder: where samples of the clones are kept.
      identity: hash of the run's configuration.
      command: the command line, for the account of the run.
      horizon: H (tokens).
      train: which prompts train in each repetition.
      returns: of the base's samples (tokens).
      expert: probabilities of the expert on each pool.
      wins: see `win_table`.
      logprob: log-probability of each sample under the base (nats).
      features: what the verifier head is told of each sample.
    """

    engine: TransformersEngine
    task: Task
    options: FinetuneOptions
    sampling: dict[str, Any]
    base: BaseSamples
    folder: Path
    identity: str
    command: Sequence[str]
    horizon: int
    train: Bool[np.ndarray, "repetitions P"]
    returns: Float[np.ndarray, "P K"]
    expert: Float[np.ndarray, "P K"]
    wins: Float[np.ndarray, "P K+1"]
    logprob: Float[np.ndarray, "P K"]
    features: Features


class CloneSamples(NamedTuple):
    """What a clone earned where it was sampled.

    Attributes:
      earned: mean return on each prompt (tokens), NaN where it was not sampled.
      correct: share of correct samples; one that could not be verified counts as incorrect.
    """

    earned: Float[np.ndarray, " P"]
    correct: float


def cell_name(n: int, repetition: int) -> str:
    """The name of a cell in the run folder."""
    return f"n{n:07}-r{repetition:03}"


def work_of(base: BaseSamples, train: np.ndarray, options: FinetuneOptions, n: int) -> int:
    """Work of one cell, in readings of a trace.

    Args:
      base: samples of the base.
      train: which prompts train in its repetition.
      options: what is trained.
      n: training traces.
    """
    held_out = ~train
    return (
        TRAIN * n * options.recipe.epochs
        + SAMPLE * int(held_out.sum()) * options.samples
        + READ * int(base.pools.sizes[held_out].sum())
    )


def run_cell(setup: Setup, n: int, repetition: int, meter: Meter) -> dict[str, Any]:
    """Train and score the learners of one n and repetition: one row of the run folder.

    Raises:
      TableError: no training pool holds a success, or the verifier head does not converge.
    """
    options, train = setup.options, setup.train[repetition]
    uniforms = np.random.default_rng([options.seed, 1, repetition]).random((n, 4))[None]
    places = _demonstrations(setup, uniforms[..., :2], repetition)
    doing = f"n = {n}, repetition {repetition}"
    meter.begin(f"{doing}: fine-tuning")
    begun = time.monotonic()
    clone = fine_tune(
        setup.engine.model,
        [setup.base.sequences[prompt][sample] for prompt, sample in places],
        options.recipe,
        (options.seed, 2, n, repetition),
        lambda count: meter.advance(TRAIN * count),
    )
    seconds = time.monotonic() - begun
    meter.begin(f"{doing}: sampling the clone")
    sampled = _sampled(setup, clone.model, n, repetition, meter)
    meter.begin(f"{doing}: reading the base's samples by the clone")
    held_out = np.flatnonzero(~train)
    logprob, _ = read_pools(clone.model, setup.base, held_out, meter.advance)
    policy = _on_pools(logprob - setup.logprob, setup.base.pools.mask, train)
    values = {
        **_references(setup),
        "clone": sampled.earned,
        **_learned(setup, policy, n, train, uniforms[..., 2:]),
    }
    return {
        "cell": cell_name(n, repetition),
        "data_budget": n,
        "repetition": repetition,
        **_described(setup),
        "distinct": len(set(places)),
        "first_loss": clone.first_loss,
        "last_loss": clone.last_loss,
        "clone_correct": sampled.correct,
        "effective_size": float((1 / (policy[held_out] ** 2).sum(axis=1)).mean()),
        "seconds": seconds,
        **{
            key: np.where(train, np.nan, value).astype(np.float32).tolist()
            for key, value in values.items()
        },
    }


def _demonstrations(setup: Setup, uniforms: np.ndarray, repetition: int) -> list[tuple[int, int]]:
    """Prompt and sample of each trace that the expert shows."""
    solved = setup.train[repetition] & (setup.returns > 0).any(axis=1)
    if not solved.any():
        raise TableError(
            f"repetition {repetition}: no training pool holds a success, so there is no expert to "
            "clone; sample more prompts"
        )
    drawn = draw_traces(setup.expert, solved[None], uniforms)
    return list(zip(drawn.prompt[0], drawn.sample[0], strict=True))


def _described(setup: Setup) -> dict[str, Any]:
    """The columns that all cells of a run share."""
    options, pools = setup.options, setup.base.pools
    return {
        "game": GAME,
        "dataset": pools.dataset,
        "model": pools.model,
        "seeds": options.repetitions,
        "horizon": setup.horizon,
        "num_candidates": options.num_candidates,
        "chi2_radius": options.chi2_radius,
        "samples": int(pools.sizes.sum()),
        "unverified": pools.unverified,
        "mixed": pools.mixed,
        "expert_share": pools.expert_share,
        "respelled": setup.base.respelled,
        "prompt_ids": list(pools.prompt_ids),
    }


def _sampled(setup: Setup, model: Any, n: int, repetition: int, meter: Meter) -> CloneSamples:
    """Sample a clone on the held-out prompts."""
    options, sampling = setup.options, setup.sampling
    held_out = np.flatnonzero(~setup.train[repetition])
    before = 0

    def advance(progress: Progress) -> None:
        nonlocal before
        meter.advance(SAMPLE * (progress.done - before))
        before = progress.done

    path = setup.folder / f"{cell_name(n, repetition)}.parquet"
    fingerprint = f"{sampling['fingerprint']} cloned {setup.identity} {n} {repetition}"
    grid = sampling.get("grid")
    sample_traces(
        setup.engine.with_model(model, f"clone of {setup.base.pools.model}", fingerprint),
        replace(setup.task, problems=tuple(setup.base.problems[row] for row in held_out)),
        SampleOptions(
            samples=options.samples,
            max_tokens=setup.horizon,
            temperature=sampling["temperature"],
            seed=int(np.random.default_rng([options.seed, 3, n, repetition]).integers(2**62)),
            batch_size=options.batch_size,
            first_correct=sampling["first_correct"],
            grid=None if grid is None else tuple(grid),
        ),
        path,
        setup.command,
        advance,
    )
    rows = load_traces(path).frame
    each = (setup.horizon - rows["first_correct"] + 1).clip(0).fill_null(0)
    means = dict(rows.select("prompt_id", earned=each).group_by("prompt_id").mean().iter_rows())
    correct = rows["correct"].fill_null(value=False).mean()
    earned = np.array([means.get(name, np.nan) for name in setup.base.pools.prompt_ids])
    return CloneSamples(earned, float(np.asarray(correct)))


def _learned(
    setup: Setup, policy: np.ndarray, n: int, train: np.ndarray, uniforms: np.ndarray
) -> dict[str, np.ndarray]:
    """Values of the clone on the leash and of both uses of the verifier head."""
    pools, returns = setup.base.pools, setup.returns
    drawn = draw_traces(pools.mask / pools.sizes[:, None], train[None], uniforms)
    labels = returns[drawn.prompt, drawn.sample] / setup.horizon
    labelled = LabelledTraces(drawn.prompt, drawn.sample, labels)
    predicted, converged = predicted_returns(setup.features, labelled, (n,))
    if not converged.all():
        raise TableError(
            f"n = {n}: the fit of the verifier head did not converge; give more training traces"
        )
    leash = Leash("chi2", setup.options.chi2_radius)
    rewards = np.asarray(predicted)
    _, *values = learner_values(policy[None, None], rewards, returns, pools.mask, setup.wins, leash)
    names = ("clone_leashed", "verify", "verify_leashed")
    return {key: value[0, 0] for key, value in zip(names, values, strict=True)}


def _references(setup: Setup) -> dict[str, np.ndarray]:
    """Values of the policies that learn nothing."""
    pools, returns, options = setup.base.pools, setup.returns, setup.options
    exact = best_of_pool(returns, pools.mask, setup.wins)
    answers = visible_answers(pools, setup.horizon)
    return {
        "base": returns.sum(axis=1) / pools.sizes,
        "expert": (setup.expert * returns).sum(axis=1),
        "vote": vote(answers, returns, pools.mask, options.num_candidates, options.seed),
        "exact": (exact * returns).sum(axis=1),
    }


def _on_pools(log_ratio: np.ndarray, mask: np.ndarray, train: np.ndarray) -> np.ndarray:
    """A policy restricted to pools of base samples: importance weights that sum to 1 on each."""
    scores = np.where(mask, np.where(train[:, None], 0.0, log_ratio), -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
