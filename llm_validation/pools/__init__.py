"""What can be learned from pools of samples of one prompt."""
