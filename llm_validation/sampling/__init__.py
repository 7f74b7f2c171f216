"""Sampling: from a language model and a task to the canonical trace table."""
