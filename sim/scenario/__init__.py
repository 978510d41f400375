"""What the user wrote: the schema of a scenario, its distributions, and how it is read and checked."""
