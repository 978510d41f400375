"""From Kubernetes manifests, the controller's settings and AWS CLI output to scenarios (docs/facts/manifests.md)."""
