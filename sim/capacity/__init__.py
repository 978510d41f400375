"""How many addresses a cluster holds, and what fits: in closed form, without a simulation."""
