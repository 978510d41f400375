"""Sentences have under 30 words and begin with no lone pronoun: on pages, in docstrings and in what the program says.

A sentence ends with `.`, `!` or `?` before white space, and with its block: a paragraph, an item of a list, a heading,
an entry of a docstring. Code in backquotes is one word, and a link counts as its text.

Left out: comments, fenced code, tables, lists of sources, and block quotes, which hold the words of others. In pages
that are notes, a fact or change after the other, `;` ends one as a full stop does.

A pronoun is lone where its noun is in another sentence: "It is …", "These have …", "Each of them …". What a pronoun
within a sentence stands for, no test can tell.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("notebooks/*.ipynb"),
        *(page for part in ("docs", "scenarios", "tests") for page in (ROOT / part).rglob("*.md")),
    ]
)
NOTES = {*(ROOT / "docs/facts").glob("*.md"), ROOT / "docs/controllers.md"}
PARTS = sorted(part for part in (ROOT / "sim").iterdir() if part.suffix == ".py" or (part / "__init__.py").is_file())
MOST_WORDS = 29
INDENT = 4

CODE = re.compile(r"(`+).+?\1", re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#.*$|^[^\n]*\n *-{3,} *$", re.MULTILINE)
BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+] |\d+\. |\||>))|\s·\s")
END = re.compile(r"""(?<=[.!?])["')\]*_”]*\s+""")
_MODAL = "can(?:not)?|could|may|might|must|will|would|should|did|had|also|alone|then"
_VERB = rf"(?:\w*[^aeiousy\W]|\w*[^su\W][aeioy]|do)s|is|{_MODAL}"
_NO_NOUN = rf"that|which|who|whose|in|with|from|before|for|at|on|without|by|per|are|were|have|do|{_MODAL}"
LONE = re.compile(
    rf"""\W*(?:
        (?:It|Its|They|Their|Theirs|Them|He|She|His|Her|The\ former|The\ latter)\b
        | (?:This|That|Each|One|Neither|Either|None)\ (?:{_VERB})\b
        | (?:This|That|These|Those|Such|Both|Each|One|Neither|Either)\ (?:is|{_NO_NOUN})\b
        | (?:That|Those)\ of\b
        | (?:These|Those|Both)\ (?!\S*\w{{2}}s'?\b|\S+\ \S*\w{{2}}s'?\b)  # no plural noun follows
        | [A-Z]\w*\ of\ (?:it|them|(?:these|those)\b(?!\ \w+s\b))\b
    )""",
    re.VERBOSE,
)
ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|cf|vs|resp|approx|incl)\.$", re.IGNORECASE)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of Markdown, or of a docstring, each on one line."""
    for block in BLOCK.split(HEADING.sub("\n", FENCE.sub("\n", text))):
        if block.lstrip().startswith(("|", ">", "Source: ", "Sources: ")):
            continue
        begun = ""
        for part in END.split(LINK.sub(r"\1", CODE.sub("`code`", " ".join(block.split())))):
            begun = f"{begun} {part}".strip()
            if not ABBREVIATION.search(begun):
                yield begun
                begun = ""
        if begun:
            yield begun


def page_text(page: Path) -> str:
    """Return a page as Markdown: of a notebook the cells that are text."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
        return "\n\n".join("".join(cell["source"]) for cell in cells)
    return text.replace("; ", ".\n\n") if page in NOTES else text


def too_long(text: str) -> list[str]:
    """Return the sentences with 30 words or more."""
    return [sentence for sentence in sentences(text) if len(re.findall(r"\S*\w\S*", sentence)) > MOST_WORDS]


def lone(text: str) -> list[str]:
    """Return the sentences that begin with a pronoun whose noun is in another sentence."""
    return [sentence for sentence in sentences(text) if LONE.match(sentence)]


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the strings of a Python file, docstrings among them. What an f-string puts in counts as one word."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…1…" for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > MOST_WORDS:
        yield _entries_apart(node.value)
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a Python file. What is indented in them is a command."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (docstring := ast.get_docstring(node)):
            yield re.sub(r"^    .*$", "", docstring, flags=re.MULTILINE)


def _entries_apart(docstring: str) -> str:
    """Return a docstring with an empty line where it is indented or no longer so, as around what describes a parameter.

    The lines of an item of a list are indented by less.
    """
    lines = inspect.cleandoc(docstring).splitlines()
    depths = [len(line) - len(line.lstrip()) for line in lines]
    gaps = ["\n" if abs(depth - before) >= INDENT else "" for before, depth in pairwise([0, *depths])]
    return "\n".join(f"{gap}{line}" for gap, line in zip(gaps, lines, strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_long_sentence(page: Path) -> None:
    assert too_long(page_text(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_sentence_of_a_page_begins_with_a_lone_pronoun(page: Path) -> None:
    assert lone(page_text(page)) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_program_has_no_long_sentence_and_none_that_begins_with_a_lone_pronoun(part: Path) -> None:
    files = [part] if part.is_file() else part.rglob("*.py")
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    said = [(name, text) for name, tree in trees.items() for text in texts(tree)]
    assert [(name, found) for name, text in said for found in (*too_long(text), *lone(text))] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", sorted((ROOT / "tests").iterdir()), ids=lambda part: part.name)
def test_the_tests_docstrings_have_no_long_sentence_and_no_lone_pronoun(part: Path) -> None:
    files = [part] if part.suffix == ".py" else part.rglob("*.py")
    said = [(path.name, docstring) for path in files for docstring in docstrings(path)]
    assert [(name, found) for name, text in said for found in (*too_long(text), *lone(text))] == []


@pytest.mark.parametrize(
    ("text", "n"),
    [
        (" ".join(["word"] * 29) + ".", 0),
        (" ".join(["word"] * 30) + ".", 1),
        (" ".join(["word"] * 20) + ".\n" + " ".join(["word"] * 20), 0),
        (" ".join(["word"] * 20) + "\n- " + " ".join(["word"] * 20), 0),
        (" ".join(["word"] * 20) + ", e.g. " + " ".join(["word"] * 20), 1),
        (" ".join(["word"] * 20) + " 0.5 " + " ".join(["word"] * 20), 1),
        (" ".join(["word"] * 20) + " `some code. And more` " + " ".join(["word"] * 8), 0),
        (" ".join(["word"] * 20) + " [ten words](a/link.md) " + " ".join(["word"] * 8), 1),
        ("```\n" + " ".join(["word"] * 40) + "\n```", 0),
    ],
)
def test_what_a_sentence_is(text: str, n: int) -> None:
    assert len(too_long(text)) == n


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("A pod ends. It is gone.", 1),
        ("A pod ends, and it is gone.", 0),
        ("- *A pod.* Its target leaves.", 1),
        ("This makes a row. This row is short. This address is taken.", 1),
        ("These are rows. These three rows are short. Those of a node come first. Those rows come last.", 2),
        ("Each has a name. Each of them has one. Each row has a name. Each class is a row.", 2),
        ("Both are rows. Both rows are short. Neither has a name. One that ends is short. One pod ends.", 3),
        ("The latter is short. Such is a row. Such rows are short. One of ten pods ends.", 2),
    ],
)
def test_what_a_lone_pronoun_is(text: str, n: int) -> None:
    assert len(lone(text)) == n
