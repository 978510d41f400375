"""Where results go: refused before anything is simulated if nothing can be written there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


class OutFile(click.Path):
    """A file to write, in a directory that exists. A file with that name is replaced."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() and not path.is_file():
            return path
        directory = path.resolve().parent
        if not directory.is_dir():
            self.fail(f"'{path}' cannot be written: '{directory}' is no directory", param, ctx)
        if not os.access(directory, os.W_OK | os.X_OK):
            self.fail(f"'{path}' cannot be written: '{directory}' is read-only", param, ctx)
        return path


def require_writable_directory(directory: Path) -> None:
    """Make the directory if it does not exist. Raises OSError, which names it, if no file can be made in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        error.filename = str(directory)
        raise
