"""Every notebook runs from top to bottom, and gives the outputs that are committed with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_runs_and_gives_its_committed_output(path: Path) -> None:
    committed, run = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    NotebookClient(run, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert _texts(run) == _texts(committed)


def _texts(notebook: NotebookNode) -> list[str]:
    """Return what the cells printed; pictures differ between versions of the font library."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]
