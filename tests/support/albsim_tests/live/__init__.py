"""A live load balancer with real server processes."""
