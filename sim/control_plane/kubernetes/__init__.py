"""Kubernetes, as far as it starts and ends pods: controllers, kubelet, endpoints, kube-proxy."""
