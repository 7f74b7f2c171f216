"""From a fit, a prediction and a measurement to a verdict and a report that a person can read."""
