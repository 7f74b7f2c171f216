"""What cloning and verifying earn on held-out prompts, measured on pools of sampled traces."""
