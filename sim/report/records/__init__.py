"""A simulated rollout as AWS and Kubernetes would have recorded it. Written from the facts, with no reader's code."""
