"""The model again, slow and readable: twins of the two planes that share no code with them."""
