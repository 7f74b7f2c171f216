"""The engines by name."""

from __future__ import annotations

from verigap.llm_validation.sampling.engine import Engine, EngineError, ModelSpec

ENGINES = ("transformers", "vllm")


def load_engine(name: str, spec: ModelSpec) -> Engine:
    """A loaded model.

    Raises:
      EngineError: there is no such engine or model, or a package is missing; one line.

    Example:
      >>> from verigap.llm_validation.sampling.engine import EngineError, ModelSpec
      >>> from verigap.llm_validation.sampling.loading import load_engine
      >>> try:
      ...     engine = load_engine("transformers", ModelSpec("no-such-folder/model.gguf"))
      ... except EngineError as refusal:
      ...     print("refused in", len(str(refusal).splitlines()), "line")
      refused in 1 line
    """
    if name == "transformers":
        from verigap.llm_validation.sampling.transformers_engine import TransformersEngine

        return TransformersEngine.load(spec)
    if name == "vllm":
        from verigap.llm_validation.sampling.vllm_engine import VllmEngine

        return VllmEngine.load(spec)
    raise EngineError(f"engine: unknown {name!r}; use {' or '.join(ENGINES)}")
