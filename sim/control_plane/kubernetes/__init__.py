"""Kubernetes as far as a pod's start and end go: controllers, kubelet, endpoints, kube-proxy."""
