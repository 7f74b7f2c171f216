"""A small decoder-only transformer that clones traces, and its twin that verifies prefixes."""
