"""What an engine is: something that holds a language model and continues token sequences.

An engine sees tokens and knows nothing of tasks. Each request carries its own seed, and what is
drawn for it depends on that seed alone (up to rounding, which may depend on the other requests of
the batch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from verigap.llm_validation.tasks.task import Message


class EngineError(ValueError):
    """A model or an engine that cannot be used as asked; the message is one line."""


@dataclass(frozen=True)
class Request:
    """A prompt to continue, in tokens, and the seed of its draws (0 to 2^63 - 1)."""

    prompt: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Decoding:
    """How to continue: at most `max_tokens`, at a `temperature` (0: the likeliest token)."""

    max_tokens: int
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens: expected at least 1, not {self.max_tokens}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature: expected 0 or more, not {self.temperature}")


@dataclass(frozen=True)
class Completion:
    """What came after a prompt.

    Attributes:
      tokens: every generated token; the end token is the last of them where `finished`.
      text: what they decode to, special tokens left out.
      logprobs: log-probability of each token under the model at temperature 1.
      finished: the model ended by itself; false where `max_tokens` cut it off.
    """

    tokens: tuple[int, ...]
    text: str
    logprobs: tuple[float, ...]
    finished: bool


@dataclass(frozen=True)
class ModelSpec:
    """Which model to load, and how.

    Attributes:
      name: path of a GGUF file or of a folder with safetensors, or the id of a model hub.
      dtype: "bfloat16", "float16" or "float32".
    """

    name: str
    dtype: str = "bfloat16"


class Engine(Protocol):
    """A loaded model."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What settles its results: `engine`, `model` (name), `fingerprint`, `dtype`."""
        ...

    @property
    def packages(self) -> Sequence[str]:
        """Packages whose versions belong into an account of a run."""
        ...

    def chat(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Tokens of a conversation, up to where the assistant's next turn begins."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Tokens of a text, none added."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, special ones left out."""
        ...

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Continue every prompt once.

        Args:
          requests: the batch.
          decoding: how.
          report: called now and then with the number of tokens made so far.

        Raises:
          EngineError: a prompt is empty or too long for the model.
        """
        ...


def refuse_lengths(requests: Sequence[Request], decoding: Decoding, longest: int | None) -> None:
    """Refuse prompts that are empty, or that leave too little room within `longest` tokens.

    Raises:
      EngineError: there is one.
    """
    sizes = [len(request.prompt) for request in requests]
    if min(sizes) < 1:
        raise EngineError("a prompt has no tokens; check the task")
    if longest is not None and max(sizes) + decoding.max_tokens > longest:
        raise EngineError(
            f"max_tokens: a prompt of {max(sizes)} tokens and {decoding.max_tokens} more are "
            f"past the model's limit of {longest}; ask for fewer"
        )


class Tokenizing:
    """The half of an engine that only needs a tokenizer, as Hugging Face's behave."""

    def __init__(self, tokenizer: Any) -> None:
        """Not for callers: engines inherit this."""
        self._tokenizer = tokenizer

    def chat(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Tokens of a conversation; a tokenizer without a chat template gets plain paragraphs."""
        if self._tokenizer.chat_template is None:
            return self.encode("\n\n".join(message.content for message in messages) + "\n\n")
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return self.encode(text)

    def encode(self, text: str) -> tuple[int, ...]:
        """Tokens of a text, none added."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, special ones left out."""
        return self._tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
