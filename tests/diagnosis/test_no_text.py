"""What was found is data: its words are the reports'."""

from __future__ import annotations

import ast
from pathlib import Path

import sim.diagnosis


def test_no_string_of_the_diagnosis_has_words_in_it() -> None:
    files = sorted(Path(sim.diagnosis.__file__).parent.glob("*.py"))
    assert len(files) > 5
    strings = [text for file in files for text in _strings(ast.parse(file.read_text()))]
    assert [text for text in strings if " " in text] == []


def _strings(tree: ast.Module) -> list[str]:
    """Return the string constants that are not documentation."""
    documentation = {id(statement.value) for statement in ast.walk(tree) if isinstance(statement, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation]
    return [node.value for node in constants if isinstance(node.value, str)]
