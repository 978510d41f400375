"""Terminated nodes in words: those of a node drain, which tells of their machines too."""

from sim.report.disruptions.node_drain import course

__all__ = ["course"]
