"""From samples of real language models to per-prompt reward laws."""
