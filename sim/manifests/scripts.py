"""A shell script's text as commands: variables and arithmetic replaced, words split at the operators.

Left out: what a manifest does not say, such as a command's output. `NOT_KNOWN` stands for it.

Source: POSIX sh (2.6 Word Expansions, 2.10 Shell Grammar).
"""

from __future__ import annotations

import operator
import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOT_KNOWN = "?"
"""What a script holds in place of what the manifest does not say. No command with it is understood."""


def expanded(script: str, env: Mapping[str, str]) -> str:
    """Return a script in one line, with its variables and arithmetic replaced by their values."""

    def variable(found: re.Match[str]) -> str:
        name, fallback = found["braced"] or found["bare"], found["fallback"]
        return env.get(name) or (fallback if fallback is not None else NOT_KNOWN)

    text = re.sub(r"\\\n", " ", script)
    text = re.sub(r"(?m)(^|\s)#.*$", r"\1", text)
    text = re.sub(r"\$\(\(([^()]*)\)\)", lambda found: _arithmetic(found[1], env), text)
    text = re.sub(r"\$\([^()]*\)|`[^`]*`", NOT_KNOWN, text)
    text = re.sub(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<fallback>[^}]*))?\}|(?P<bare>[A-Za-z_]\w*))", variable, text)
    text = re.sub(r"(?:&|\d*)(?:>>|>|<)&?\s*[^\s;&|()\"']+", " ", text)
    return re.sub(r"\s*\n\s*", " ; ", text.strip())


def _arithmetic(expression: str, env: Mapping[str, str]) -> str:
    """Compute integers with + - * / from left to right, products first. Anything else is `NOT_KNOWN`."""
    text = re.sub(r"\$?\{?([A-Za-z_]\w*)\}?", lambda found: env.get(found[1], NOT_KNOWN), expression)
    if not re.fullmatch(r"\s*\d{1,6}(\s*[-+*/]\s*\d{1,6}){0,8}\s*", text):
        return NOT_KNOWN
    tokens: list[str] = re.findall(r"\d+|[-+*/]", text)
    for level in ({"*": operator.mul, "/": operator.floordiv}, {"+": operator.add, "-": operator.sub}):
        reduced = [tokens[0]]
        for sign, number in zip(tokens[1::2], tokens[2::2], strict=True):
            if sign not in level:
                reduced += [sign, number]
            elif sign == "/" and int(number) == 0:
                return NOT_KNOWN
            else:
                reduced[-1] = str(level[sign](int(reduced[-1]), int(number)))
        tokens = reduced
    return tokens[0]


def split(text: str) -> list[tuple[list[str], str, str]]:
    """Return each command's words with the operators before and after it. Raises ValueError for an open quote."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    return list(_commands(list(lexer)))


def _commands(tokens: Sequence[str]) -> Iterator[tuple[list[str], str, str]]:
    """Split words at the operators: each command with the operator before and after it."""
    words: list[str] = []
    before = ""
    for token in [*tokens, ";"]:
        if token and not set(token) - set(";&|"):
            if words:
                yield words, before, token
            before = token if words or not before else before
            words = []
        else:
            words.append(token)
