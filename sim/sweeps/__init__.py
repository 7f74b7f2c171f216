"""Sweeps: configurations, cells, batches and runs."""
