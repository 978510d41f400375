"""What tests share: makers of data, executors, a load balancer."""
