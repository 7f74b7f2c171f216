"""Speed and memory targets; `python -m benchmarks` measures them and says whether they are met."""
