"""AWS: the API and its limits, the SDKs that retry its calls, and the target group."""
