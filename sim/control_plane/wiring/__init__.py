"""Where Kubernetes, AWS and the ingress controllers meet: what each of them is given of the others."""
