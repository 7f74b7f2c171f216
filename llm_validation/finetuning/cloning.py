"""Verifier-free learning by fine-tuning: a copy of the base, fitted to demonstrations by log-loss.

The learner sees token sequences and no reward.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from verigap.llm_validation.finetuning.sequences import TokenSequence, run_batch

_WARM_UP = 0.1
_LARGEST_GRADIENT = 1.0


class Recipe(NamedTuple):
    """How to fine-tune; fixed before anything is measured.

    Attributes:
      epochs: passes over the demonstrations.
      learning_rate: of AdamW without weight decay, after a tenth of the steps; then it falls to 0.
      batch_size: demonstrations a step.
    """

    epochs: int = 2
    learning_rate: float = 1e-4
    batch_size: int = 16


class Clone(NamedTuple):
    """A fine-tuned model.

    Attributes:
      model: in float32.
      first_loss, last_loss: log-loss a token over the first and the last epoch, each batch before
        its step (nats).
    """

    model: Any
    first_loss: float
    last_loss: float


def fine_tune(
    base: Any,
    demonstrations: Sequence[TokenSequence],
    recipe: Recipe,
    seed: Sequence[int],
    report: Callable[[int], None] | None = None,
) -> Clone:
    """Minimise the log-loss of the completions' tokens over all weights of a copy of the base.

    Args:
      base: the model, which stays as it is.
      demonstrations: expert traces, at least one.
      recipe: how.
      seed: of the order of the demonstrations.
      report: called with the number of demonstrations seen since the last call.
    """
    import torch  # pyright: ignore[reportMissingImports]

    model = copy.deepcopy(base).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    batches = -(-len(demonstrations) // recipe.batch_size)
    steps = recipe.epochs * batches
    warm = max(1, round(_WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm + 1))
    )
    rng = np.random.default_rng(list(seed))
    losses = []
    for _ in range(recipe.epochs):
        total = tokens = 0.0
        for chosen in np.array_split(rng.permutation(len(demonstrations)), batches):
            logs, known, _ = run_batch(model, [demonstrations[index] for index in chosen])
            nats, size = -(logs * known).sum(), known.sum()
            (nats / size).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            total, tokens = total + float(nats.detach()), tokens + float(size)
            if report is not None:
                report(len(chosen))
        losses.append(total / tokens)
    return Clone(model.eval(), losses[0], losses[-1])
