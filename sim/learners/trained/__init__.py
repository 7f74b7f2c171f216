"""Learners of the planted-subsequence game: transformers trained from one pre-trained base."""
