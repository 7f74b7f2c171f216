"""Traces as token sequences, and what a model makes of them: log-probabilities and hidden states.

PyTorch is imported inside functions: everything here is loaded by commands that do not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

READ_AT_ONCE = 32
"""Sequences read at a time: their logits over the vocabulary take 13 MB or so each."""


class TokenSequence(NamedTuple):
    """A prompt and what follows it, in tokens; neither is empty."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]


class Reading(NamedTuple):
    """What a model makes of n sequences.

    Attributes:
      logprob: log-probability of each completion, nats.
      hidden: last hidden state, the mean over the completion and that of its last token, side by
        side.
    """

    logprob: Float[np.ndarray, " n"]
    hidden: Float[np.ndarray, "n D"]


def completion_tokens(
    text: str, n_tokens: int, longest: int, encode: Callable[[str], tuple[int, ...]], end: int
) -> tuple[int, ...]:
    """Tokens of a sampled text: its own, if the model spelled it as the tokenizer does.

    Args:
      text: without special tokens.
      n_tokens: that were sampled, the end token included.
      longest: H; a shorter sample was ended by the model.
      encode: the tokenizer.
      end: the end token.
    """
    tokens = encode(text)
    ended = n_tokens < longest or len(tokens) + 1 == n_tokens
    return (*tokens, end)[:longest] if ended or not tokens else tokens[:longest]


def read(
    model: Any,
    sequences: Sequence[TokenSequence],
    batch_size: int = READ_AT_ONCE,
    report: Callable[[int], None] | None = None,
) -> Reading:
    """Log-probabilities and hidden states of completions under a model, at temperature 1.

    Args:
      model: a causal model of transformers.
      sequences: at least one.
      batch_size: sequences read at a time.
      report: called with the number of sequences read since the last call.
    """
    import torch  # pyright: ignore[reportMissingImports]

    # Batches of like lengths waste less on padding.
    order = sorted(range(len(sequences)), key=lambda index: sum(map(len, sequences[index])))
    logprob, hidden = np.empty(len(sequences)), None
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            logs, known, states = run_batch(model, [sequences[i] for i in chosen], states=True)
            weight = known.float()[:, :, None]
            mean = (states * weight).sum(1) / weight.sum(1)
            last = states[torch.arange(len(chosen)), known.sum(1) - 1]
            found = torch.cat([mean, last], dim=1).float().cpu().numpy()
            if hidden is None:
                hidden = np.empty((len(sequences), found.shape[1]), np.float32)
            logprob[chosen], hidden[chosen] = (logs * known).sum(1).cpu().numpy(), found
            if report is not None:
                report(len(chosen))
    assert hidden is not None
    return Reading(logprob, hidden)


def run_batch(
    model: Any, sequences: Sequence[TokenSequence], *, states: bool = False
) -> tuple[Any, Any, Any]:
    """Log-probability of every token of the completions, by one pass of the model.

    Returns:
      Tensors over (sequence, token): log-probabilities (nats), whether there is a token, and the
      last hidden states where asked for, else None.
    """
    import torch  # pyright: ignore[reportMissingImports]

    # Padded at both ends, so that all completions begin in one column.
    left = max(len(sequence.prompt) for sequence in sequences)
    right = max(len(sequence.completion) for sequence in sequences)
    ids = torch.zeros(len(sequences), left + right, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (prompt, completion) in enumerate(sequences):
        span = slice(left - len(prompt), left + len(completion))
        ids[row, span] = torch.tensor(prompt + completion)
        mask[row, span] = 1
    ids, mask = ids.to(model.device), mask.to(model.device)
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        use_cache=False,
        logits_to_keep=right + 1,
        output_hidden_states=states,
    )
    # A large vocabulary makes the logits the largest tensor by far: no copy more than needed.
    scores = out.logits[:, :-1].transpose(1, 2).float()
    logs = -torch.nn.functional.cross_entropy(scores, ids[:, left:], reduction="none")
    return logs, mask[:, left:].bool(), out.hidden_states[-1][:, left:] if states else None
