"""What can be worked out by hand or more slowly, held against what the program gives, on the machine it runs on."""

from sim.verification import control_plane, laws, requests, twins

CHECKS = (*laws.CHECKS, *control_plane.CHECKS, *requests.CHECKS, *twins.CHECKS)
"""Every group of checks, to be called one after the other; each gives its rows as they are ready."""

__all__ = ["CHECKS"]
