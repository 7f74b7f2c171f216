"""Mutants that no test can tell from the original, or need not, each with its reason."""

from __future__ import annotations

from tests.mutants.report import Reasons

REASONS: Reasons = {
    (
        "llm_validation/importers/rows.py",
        "@lru_cache(maxsize=8)",
        "",
    ): "a small file beside the samples is read again for each of them, and says the same",
    (
        "llm_validation/importers/writing.py",
        "self._characters = 0",
        "self._characters = 1",
    ): "a piece of a table is written one character of millions sooner",
}
"""The reason, by the module, the line and the line that it was altered to (empty: removed)."""
