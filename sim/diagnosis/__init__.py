"""What happened in a replication and why, as data: no text and no picture."""
