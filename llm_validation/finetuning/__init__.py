"""Cloning by real fine-tuning, and a verifier head, on the samples of one language model."""
