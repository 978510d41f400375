"""The data plane: every request, or its expectation, against the timeline of the targets. NumPy only."""
