"""Games: the relabelling game in two back ends, and the hard prompts of VB-LOWER."""
