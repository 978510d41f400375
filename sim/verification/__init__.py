"""Checks of the program on the machine it runs on, against arithmetic by hand and against slower twins."""

from sim.verification import control_plane, laws, requests, switch, twins

CHECKS = (*laws.CHECKS, *control_plane.CHECKS, *requests.CHECKS, *switch.CHECKS, *twins.CHECKS)
"""Every group of checks, to be called one after the other. Each group yields its rows as they are ready."""

__all__ = ["CHECKS"]
