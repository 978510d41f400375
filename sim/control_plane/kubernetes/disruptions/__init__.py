"""What each kind of disruption does to the pods: one file for each kind, found by its name (`disruption_of`)."""
