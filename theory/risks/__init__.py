"""Exact risks of learners in the relabelling game and on the VB-LOWER instance."""
