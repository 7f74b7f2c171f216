"""The planted subsequence: a task whose laws are known exactly, and transformers trained on it."""
