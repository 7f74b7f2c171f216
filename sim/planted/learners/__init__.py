"""Learners of the planted-subsequence game: transformers trained from one pre-trained base."""

__all__ = ["CLONING", "SELECTION"]

CLONING, SELECTION = "vf-cloning", "vb-best-of-n"
"""Names of the two learners that every cell trains."""
