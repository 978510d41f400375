"""Replications of a scenario, and what they come to together."""
