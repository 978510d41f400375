"""The SimPy world: one file for each real component."""
