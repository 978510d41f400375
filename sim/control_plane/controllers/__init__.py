"""The ingress controllers, version by version, and what they share."""
