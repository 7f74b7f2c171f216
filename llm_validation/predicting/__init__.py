"""What the theory says a group of traces will show, before any learner is looked at."""
