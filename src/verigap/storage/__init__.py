"""Run folders, durable files, provenance, progress and tables on disk."""
