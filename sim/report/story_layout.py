"""The parts of a story as text: paragraphs, and tables that a narrow screen gets as one sentence for each row."""

from __future__ import annotations

from textwrap import fill, indent
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table

from sim.report.wording import WIDTH, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Rows(NamedTuple):
    """A table of numbers whose last `words` columns are words. A line end in a heading is where it may be broken."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 0


def paragraph(text: str, *, indented: str = "  ") -> str:
    """Return a text in lines of at most `WIDTH`."""
    return fill(text, WIDTH, initial_indent=indented, subsequent_indent=indented, break_on_hyphens=False)


def wide(part: str | Rows) -> str:
    """Return a part in lines of at most `WIDTH`, indented."""
    if isinstance(part, str):
        return paragraph(part)
    table = Table(box=None, padding=(0, 1, 0, 0))
    for position, heading in enumerate(part.headings):
        is_words = position >= len(part.headings) - part.words
        table.add_column(heading, justify="left" if is_words else "right", overflow="fold")
    for row in part.rows:
        table.add_row(*row)
    return indent(plain(table, width=WIDTH - 2), "  ")


def flowing(part: str | Rows) -> str:
    """Return a part in lines that whoever shows them may break: a paragraph, or a sentence for each row."""
    return part if isinstance(part, str) else "\n".join(_sentences(part))


def _sentences(table: Rows) -> Iterable[str]:
    first, *others = (heading.replace("-\n", "").replace("\n", " ") for heading in table.headings)
    n_numbers = len(others) - table.words
    for label, *cells in table.rows:
        named = f"{first} {label}" if label.isdigit() else label
        numbers = [_with_heading(heading, cell) for heading, cell in zip(others[:n_numbers], cells, strict=False)]
        yield f"- {named}: {', '.join([*numbers, *cells[n_numbers:]])}"


def _with_heading(heading: str, cell: str) -> str:
    return f"{heading.removesuffix(' s')} {cell} s" if heading.endswith(" s") else f"{heading} {cell}"
