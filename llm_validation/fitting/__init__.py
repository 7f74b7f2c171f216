"""Statistics of sampled traces that the theory needs, with intervals over prompts."""
