"""The model again, slowly and readably: twins of the two planes, which know nothing of their code."""
