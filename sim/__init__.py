"""Simulator of ALB target deregistration during Kubernetes rolling updates."""
