"""From what was observed to the numbers of a scenario: estimates, intervals, and warnings."""
