"""Mutants that no test can tell from the original, or need not, each with its reason."""

from __future__ import annotations

from tests.mutants.report import Reasons

REASONS: Reasons = {}
"""The reason, by the module, the line and the line that it was altered to."""
