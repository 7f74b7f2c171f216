"""JSON that every parser reads: what is not a finite number becomes null."""

from __future__ import annotations

import json
from typing import Any


def strict_json(content: object) -> str:
    """The content as indented JSON."""
    return json.dumps(_finite(content), indent=2, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not abs(content) < float("inf"):
        return None
    return content
