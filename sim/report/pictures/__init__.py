"""Every picture: Gantt charts, plots of sweeps and of rollouts."""
