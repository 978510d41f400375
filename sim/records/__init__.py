"""A user's own records: ALB access logs, CloudTrail, controller logs and Kubernetes' records, read and understood."""
