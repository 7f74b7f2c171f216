"""Learners of the planted-subsequence game: transformers trained from one pre-trained base."""

CLONING, SELECTION = "vf-cloning", "vb-best-of-n"
"""Names of the two learners that every cell trains."""
