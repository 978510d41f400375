"""What notebooks and pages import is public: `from sim import …`, of names in docs/api.md."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import sim

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("notebooks/*.ipynb"), ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _python(page: Path) -> list[str]:
    """Return the Python of a notebook's cells, or of a page's blocks that import anything."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return ["".join(line for line in cell["source"] if not line.startswith("%")) for cell in cells]
    return [block for block in BLOCK.findall(text) if "import" in block]


def _not_public(source: str) -> list[str]:
    used = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            used += [alias.name for alias in node.names if alias.name.split(".")[0] == "sim"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sim":
            names = [alias.name for alias in node.names]
            used += [f"{node.module}.{name}" for name in names if node.module != "sim" or name not in sim.__all__]
    return used


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_imports_public_names_alone(page: Path) -> None:
    assert [name for source in _python(page) for name in _not_public(source)] == []


def test_what_is_not_public_is_found() -> None:
    source = "from sim import sweep, nothing\nfrom sim.report.pictures.plots import plot_line\nimport sim.streams"
    assert sorted(_not_public(source)) == ["sim.nothing", "sim.report.pictures.plots.plot_line", "sim.streams"]
