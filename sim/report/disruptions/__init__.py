"""What reports tell of each kind of disruption: one file for each kind that has more to tell, found by its name."""
