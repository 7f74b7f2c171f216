"""A task and an engine without a model: every character is a token, and 0 ends a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.llm_validation.judges import OBEDIENT
from verigap.llm_validation.sampling.engine import Completion, Decoding, Request
from verigap.llm_validation.tasks.task import Message, Problem, Task

SCRIPTS = (
    "So 2 + 2 = 4. The answer is 4.",
    "It is 4, no, it is 5.",
    "The answer is 5.",
    "The answer is hang",
    "I have no idea\nat all",
)


class Scripted:
    """Writes one of `scripts`, chosen by the seed; forced to answer, it says the next number."""

    packages: Sequence[str] = ("numpy",)

    def __init__(self, scripts: Sequence[str] = SCRIPTS, fail_after: int | None = None) -> None:
        self.scripts = scripts
        self.fail_after = fail_after
        self.batches: list[int] = []
        self.identity: Mapping[str, str] = {
            "engine": "scripted", "model": "script", "fingerprint": "0", "dtype": "none",
        }  # fmt: skip

    def chat(self, messages: Sequence[Message]) -> tuple[int, ...]:
        return self.encode("\n".join(message.content for message in messages) + "\n>")

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(token) for token in tokens if token)

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        if self.fail_after is not None and len(self.batches) >= self.fail_after:
            raise KeyboardInterrupt
        self.batches.append(len(requests))
        return [self._one(request, decoding) for request in requests]

    def _one(self, request: Request, decoding: Decoding) -> Completion:
        if decoding.temperature == 0:
            # Forced: repeats the last digit of what it has been given.
            digits = [chr(token) for token in request.prompt if chr(token).isdigit()]
            script = f" {digits[-1]}."
        else:
            rng = np.random.default_rng(request.seed)
            script = self.scripts[int(rng.integers(len(self.scripts)))]
        tokens = (*self.encode(script), 0)[: decoding.max_tokens]
        text = self.decode(tokens)
        return Completion(tokens, text, (-0.5,) * len(tokens), finished=tokens[-1] == 0)


def arithmetic(prompts: int = 3) -> Task:
    """Problems whose right answer is 4, judged by the test judge of the grading process."""
    problems = tuple(
        Problem(f"p{index}", (Message("user", "2 + 2?"),), {"target": "4"})
        for index in range(prompts)
    )
    return Task("sums", problems, OBEDIENT, {"task": "sums"}, ())
