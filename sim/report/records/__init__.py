"""A simulated rollout as AWS and Kubernetes would have recorded it. Written from the facts; no reader is used."""
