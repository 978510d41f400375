"""What reports and pictures say of each kind of disruption."""
