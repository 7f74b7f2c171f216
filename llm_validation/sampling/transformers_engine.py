"""The engine that runs a model with transformers and PyTorch, on a GPU where there is one.

Tokens are drawn here and not by `generate`: that takes one seed for a whole batch, and silently
applies what a model's `generation_config` asks for (a top-k of 50, say), which is another law than
the model's own.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from verigap.llm_validation.sampling.engine import (
    Completion,
    Decoding,
    EngineError,
    ModelSpec,
    Request,
    Tokenizing,
    refuse_lengths,
)
from verigap.llm_validation.sampling.models import Located, locate

DTYPES = ("bfloat16", "float16", "float32")
_NEEDED = ("torch", "transformers", "tokenizers", "gguf", "accelerate")


class TransformersEngine(Tokenizing):
    """See `engine.Engine`."""

    packages: Sequence[str] = ("torch", "transformers", "tokenizers", "gguf")

    def __init__(self, model: Any, tokenizer: Any, located: Located, dtype: str) -> None:
        """Not for callers: use `load`."""
        super().__init__(tokenizer)
        self._model = model
        self.identity: Mapping[str, str] = {
            "engine": "transformers",
            "model": located.name,
            "fingerprint": located.fingerprint,
            "dtype": dtype,
        }
        self._ends = _end_tokens(model, tokenizer)
        self._longest = getattr(model.config, "max_position_embeddings", None)

    @property
    def model(self) -> Any:
        """The network itself, a causal model of transformers."""
        return self._model

    @property
    def end_token(self) -> int:
        """A token that ends a turn."""
        end = self._tokenizer.eos_token_id
        return min(self._ends) if end is None else int(end)

    @property
    def device_name(self) -> str:
        """What the model runs on."""
        import torch  # pyright: ignore[reportMissingImports]

        device = self._model.device
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def with_model(self, model: Any, name: str, fingerprint: str) -> TransformersEngine:
        """Another network behind the same tokenizer: one that was fine-tuned."""
        dtype = str(model.dtype).removeprefix("torch.")
        return TransformersEngine(model, self._tokenizer, Located("", name, fingerprint), dtype)

    @classmethod
    def load(cls, spec: ModelSpec) -> TransformersEngine:
        """Load a model and its tokenizer.

        Raises:
          EngineError: a package is missing, there is no such model, or it cannot be loaded.
        """
        if spec.dtype not in DTYPES:
            raise EngineError(f"dtype: unknown {spec.dtype!r}; use one of {', '.join(DTYPES)}")
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise EngineError(
                f"engine transformers: needs {', '.join(missing)}; "
                "install it with: pip install 'verigap[llm]'"
            )
        import torch  # pyright: ignore[reportMissingImports]
        from transformers import (  # pyright: ignore[reportMissingImports]
            AutoModelForCausalLM,
            AutoTokenizer,
        )

        with _quiet():
            located = locate(spec, unpack_gguf)
            try:
                tokenizer = AutoTokenizer.from_pretrained(located.place)
                model = AutoModelForCausalLM.from_pretrained(
                    located.place, dtype=getattr(torch, spec.dtype), use_safetensors=True
                )
            # Missing files, no network, unknown architectures, damaged weights: all in one line.
            except Exception as error:
                why = " ".join(str(error).split())[:160] or type(error).__name__
                raise EngineError(
                    f"{spec.name}: cannot be loaded as a model ({why}); check the model"
                ) from None
        if not located.fingerprint:
            revision = getattr(model.config, "_commit_hash", None) or "unknown"
            located = Located(located.place, located.name, f"revision:{revision}")
        ready: Any = model.eval()
        ready.to("cuda" if torch.cuda.is_available() else "cpu")
        return cls(ready, tokenizer, located, spec.dtype)

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Continue every prompt once; equal prompts are read once."""
        import torch  # pyright: ignore[reportMissingImports]

        if not requests:
            return []
        refuse_lengths(requests, decoding, self._longest)
        draws = np.stack(
            [np.random.default_rng(r.seed).random(decoding.max_tokens) for r in requests]
        )
        with torch.inference_mode():
            tokens, logprobs = self._generate(requests, decoding, torch.from_numpy(draws), report)
        return [
            Completion(
                tuple(row),
                self.decode(row),
                tuple(logs),
                finished=bool(row) and row[-1] in self._ends,
            )
            for row, logs in zip(tokens, logprobs, strict=True)
        ]

    def _generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        draws: Any,
        report: Callable[[int], None] | None,
    ) -> tuple[list[list[int]], list[list[float]]]:
        """Tokens and log-probabilities of every continuation.

        Args:
          requests: prompts to continue.
          decoding: how tokens are drawn.
          draws: uniform numbers, one for each request and step.
          report: called after each step with the number of tokens so far.
        """
        import torch  # pyright: ignore[reportMissingImports]

        device = self._model.device
        draws, ends = draws.to(device), torch.tensor(sorted(self._ends), device=device)
        batch = self._read_prompts(requests)
        tokens: list[list[int]] = [[] for _ in requests]
        logprobs: list[list[float]] = [[] for _ in requests]
        rows = list(range(len(requests)))
        for step in range(decoding.max_tokens):
            picked, logs = _pick(batch.logits.float(), draws[rows, step], decoding.temperature)
            for row, token, log in zip(rows, picked.tolist(), logs.tolist(), strict=True):
                tokens[row].append(token)
                logprobs[row].append(log)
            if report is not None:
                report(sum(map(len, tokens)))
            going = ~torch.isin(picked, ends)
            if step + 1 == decoding.max_tokens or not bool(going.any()):
                break
            if not bool(going.all()):
                # What has ended leaves the batch.
                keep = going.nonzero().squeeze(-1)
                rows = [rows[index] for index in keep.tolist()]
                batch, picked = batch.select(keep), picked[keep]
            batch = self._read_tokens(batch, picked)
        return tokens, logprobs

    def _read_prompts(self, requests: Sequence[Request]) -> _Batch:
        """Read every distinct prompt once, and lay the results out by request."""
        import torch  # pyright: ignore[reportMissingImports]

        device = self._model.device
        prompts = list(dict.fromkeys(request.prompt for request in requests))
        width = max(map(len, prompts))
        # Padding goes to the left, so that every prompt ends where its continuation begins.
        ids = torch.zeros(len(prompts), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        ids, mask = ids.to(device), mask.to(device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        out = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
        )
        place = {prompt: row for row, prompt in enumerate(prompts)}
        chosen = torch.tensor([place[request.prompt] for request in requests], device=device)
        read = _Batch(out.past_key_values, mask, positions[:, -1:] + 1, out.logits[:, -1])
        return read.select(chosen)

    def _read_tokens(self, batch: _Batch, picked: Any) -> _Batch:
        """Read one more token of every row."""
        import torch  # pyright: ignore[reportMissingImports]

        mask = torch.cat([batch.mask, batch.mask.new_ones(len(picked), 1)], dim=-1)
        out = self._model(
            input_ids=picked[:, None],
            attention_mask=mask,
            position_ids=batch.position,
            past_key_values=batch.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return _Batch(out.past_key_values, mask, batch.position + 1, out.logits[:, -1])


class _Batch(NamedTuple):
    """What the model has read, one row a continuation.

    Attributes:
      cache: keys and values; changed in place by `select` and by the model.
      mask: 1 for tokens, 0 for padding, shape (rows, tokens).
      position: of the next token, shape (rows, 1).
      logits: of the next token, shape (rows, vocabulary).
    """

    cache: Any
    mask: Any
    position: Any
    logits: Any

    def select(self, rows: Any) -> _Batch:
        """The given rows, which may repeat."""
        self.cache.batch_select_indices(rows)
        return _Batch(self.cache, self.mask[rows], self.position[rows], self.logits[rows])


def _pick(logits: Any, draws: Any, temperature: float) -> tuple[Any, Any]:
    """One token a row by inverting its distribution function, and its log-probability."""
    import torch  # pyright: ignore[reportMissingImports]

    logs = torch.log_softmax(logits, dim=-1)
    if temperature == 0:
        picked = logits.argmax(dim=-1)
    else:
        # In float64: sums over a vocabulary lose the rare tokens in float32.
        cumulated = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
        targets = draws[:, None] * cumulated[:, -1:]
        picked = torch.searchsorted(cumulated, targets, right=True).squeeze(-1)
        picked = picked.clamp(max=logits.shape[-1] - 1)
    return picked, logs.gather(-1, picked[:, None]).squeeze(-1)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    given = getattr(model.generation_config, "eos_token_id", None)
    ends = given if isinstance(given, list) else [given]
    return frozenset(int(end) for end in [*ends, tokenizer.eos_token_id] if end is not None)


def unpack_gguf(path: Path, folder: Path, dtype: str) -> None:
    """Save the model and the tokenizer of a GGUF file as an ordinary folder."""
    import torch  # pyright: ignore[reportMissingImports]
    from transformers import (  # pyright: ignore[reportMissingImports]
        AutoModelForCausalLM,
        AutoTokenizer,
    )

    place, file = str(path.parent), path.name
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=file)
    packed = AutoModelForCausalLM.from_pretrained(
        place, gguf_file=file, dtype=getattr(torch, dtype)
    )
    # A model that came from GGUF refuses to be saved; a fresh one with its weights does not.
    config: Any = copy.deepcopy(packed.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    fresh.load_state_dict(packed.state_dict())
    fresh.generation_config = packed.generation_config
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and the advice that transformers prints while it loads."""
    from transformers.utils import logging as theirs  # pyright: ignore[reportMissingImports]

    level, bars = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    theirs.set_verbosity(logging.CRITICAL)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()
