"""Token-level decision problems, small enough to be solved exactly."""
