"""Games, learners and sweeps that simulate what the theory bounds."""
