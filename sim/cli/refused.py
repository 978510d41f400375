"""Wrong input that only turns out to be wrong when it is used."""

from __future__ import annotations

import click


class Refused(click.ClickException):
    """The input was wrong."""

    exit_code = 2
