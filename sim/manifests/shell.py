"""How long a hook's command holds the stop signal back: programs, shell scripts, and what stops a server in between.

Modelled (docs/facts/manifests.md §2):
- The sleeps of a sequence add up, until the first command that makes the server stop listening.
- Commands that only log, fetch or touch take no time.
- A spelling that no shell runs fails at once: 0 s.

Left out: everything else that a shell can do. The time is then unknown, and what was understood is a lower bound.

Sources: POSIX sh (2.9 Shell Commands); GNU coreutils and busybox `sleep`; the signals of nginx, HAProxy and httpd;
ingress-nginx@dbb11b92 cmd/waitshutdown/main.go.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.scripts import NOT_KNOWN, expanded, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHELLS = {"sh", "bash", "ash", "dash", "zsh"}
_PREFIXES = {"exec", "command", "nohup", "sudo", "time", "env"}
_QUICK = {
    "echo", "printf", "date", "touch", "rm", "cat", "curl", "wget", "logger", "true", "false", "test", "[", "ls", "ps",
    "mkdir", "chmod", "cp", "mv", "grep", "sync", "tee", "head",
}  # fmt: skip
_ASKS = {"[", "test", "grep", "false"}
"""What is there to succeed or to fail, so that the next command may run or not."""
_BUILT_IN = {"set", "cd", "export", "trap", "wait", "exit", ":"}
_STOPPERS = {
    "kill", "pkill", "killall", "nginx", "openresty", "apachectl", "apache2ctl", "httpd", "pumactl", "supervisorctl",
    "wait-shutdown",
}  # fmt: skip
_GRACEFUL = re.compile(r"(quit|QUIT|USR1|WINCH|TERM|graceful-stop|-15|-3)")
_KEYWORDS = {"if", "for", "while", "until", "case", "do", "done", "then", "fi", "esac", "{", "}", "(", ")", "function"}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)([smhd]?)")
_IMPORTS_TIME = r"import (?:\w+, ?)*time(?:, ?\w+)*;"
_INTERPRETED = (
    (r"python[0-9.]*", "-c", rf"(?:{_IMPORTS_TIME}|from time import sleep;)\s*(?:time\.)?sleep\(([\d.]+)\);?", 1.0),
    (r"node", "-e", r"setTimeout\((?:\(\)\s*=>|function\s*\(\))[^,]*,\s*([\d.]+)\);?", 0.001),
    (r"(?:pwsh|powershell)(?:\.exe)?", "-Command", r"(?i:start-sleep)(?: -(?i:s|seconds))? ([\d.]+);?", 1.0),
    (r"perl", "-e", r"sleep\s*\(?([\d.]+)\)?;?", 1.0),
    (r"ruby", "-e", r"sleep\s*\(?([\d.]+)\)?;?", 1.0),
    (r"php", "-r", r"sleep\(([\d.]+)\);?", 1.0),
)
"""Programs that sleep in their own language: the program, its option, the text, and its unit in seconds."""


class Held(NamedTuple):
    """How long a command holds the stop signal back.

    `seconds` is at least that if it is not `known`. `fails`: nobody can run it. `stops`: it makes the server stop
    listening when these seconds are over, `gracefully` or not. `remark`: what a reader should know of it.
    """

    seconds: float = 0.0
    known: bool = True
    fails: str = ""
    stops: bool = False
    gracefully: bool = False
    remark: str = ""


def held_by(command: Sequence[str], env: Mapping[str, str]) -> Held:
    """Return how long a hook's `exec.command` takes. `env` holds the container's literal variables."""
    if not command or not command[0]:
        return Held(fails="the command is empty")
    program = _base(command[0])
    if " " in command[0].strip():
        return Held(fails=f"there is no program called '{command[0]}': a command is a list of words")
    if program in _SHELLS:
        return _of_shell(command[1:], env)
    return _simple(command)


def _of_shell(words: Sequence[str], env: Mapping[str, str]) -> Held:
    options = 0
    for number, word in enumerate(words):
        if not word.startswith("-"):
            break
        options = number + 1
        if "c" in word and not word.startswith("--"):
            return _script(words[options], env) if options < len(words) else Held(fails="-c without a script")
        if word == "-o":
            return _of_shell(words[options + 1 :], env)
    return (
        Held(known=False, remark="a script")
        if _is_path(words, options)
        else Held(fails="without -c a shell runs a file")
    )


def _is_path(words: Sequence[str], at: int) -> bool:
    return at < len(words) and "/" in words[at] and " " not in words[at]


def _script(script: str, env: Mapping[str, str]) -> Held:
    """Return how long a script takes: `;`, `&&`, `||`, newlines, loops over literal words."""
    known = dict(re.findall(r"(?:^|[;\s])([A-Za-z_]\w*)=([\w.]+)", script))
    text = _without_loops(expanded(script, {**known, **env}), env)
    try:
        commands = split(text)
    except ValueError as error:
        return Held(fails=f"the shell does not understand it: {error}")
    return _sequence(commands)


def _without_loops(text: str, env: Mapping[str, str]) -> str:
    """Return a script in which `for x in a b c; do sleep 5; done` is one sleep as long as all its turns."""

    def unrolled(found: re.Match[str]) -> str:
        turns, body = found[1].split(), _script(found[2], env)
        literal = all(re.fullmatch(r"[\w.]+", word) for word in turns)
        if not literal or not body.known or body.stops or body.fails or not math.isfinite(body.seconds):
            return f"for {NOT_KNOWN}"
        return f"sleep {len(turns) * body.seconds:g}"

    return re.sub(r"\bfor\s+\w+\s+in\s+([^;]+);\s*do\s+((?:(?!\bdo\b|\bdone\b).)*?);\s*done\b", unrolled, text)


def _sequence(commands: Sequence[tuple[list[str], str, str]]) -> Held:
    seconds, beside, remark = 0.0, 0.0, ""
    is_waited_for = any(words == ["wait"] for words, _, _ in commands)
    last = Held()
    for words, before, after in commands:
        if before == ("&&" if last.fails else "||"):
            continue
        last = _among_others(words, after, is_waited_for=is_waited_for)
        remark = remark or last.remark
        if not last.known:
            return Held(max(seconds, beside), known=False, remark=last.remark)
        if last.stops:
            return Held(seconds, stops=True, gracefully=last.gracefully, remark=remark)
        beside = max(beside, seconds + last.seconds)
        seconds += last.seconds if after != "&" else 0
        if words[0] == "exit" or (words[0] == "exec" and len(words) > 1):
            break
    return Held(beside, fails=last.fails if not beside else "", remark=remark)


def _among_others(words: Sequence[str], after: str, *, is_waited_for: bool) -> Held:
    """Return how long a command takes which the operator `after` follows."""
    found = _simple(words)
    if found.known and after in {"&&", "||"} and _base(words[0]) in _ASKS:
        return Held(known=False, remark="a condition")
    if found.seconds and after == "&" and not is_waited_for:
        text = "a sleep in the background counts since containerd waits for the end of the hook's output"
        return found._replace(remark=text)
    return found


def _simple(words: Sequence[str]) -> Held:
    """Return how long one command without operators takes."""
    words = _without_prefix(words)
    if not words:
        return Held()
    program = _base(words[0])
    if " " in words[0]:
        return Held(fails=f"there is no program called '{words[0]}'")
    if program in _QUICK or words[0] in _BUILT_IN or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
        return Held()
    if program in _STOPPERS:
        return _stopper(program, words)
    if program in _SHELLS:
        return _of_shell(words[1:], {})
    judge = {"busybox": _simple, "sleep": _sleep, "timeout": _at_most}.get(program)
    return judge(words[1:]) if judge else _interpreted(program, words)


def _without_prefix(words: Sequence[str]) -> Sequence[str]:
    while words and _base(words[0]) in _PREFIXES:
        words = words[1:]
        while words and ("=" in words[0] or words[0].startswith("-")):
            words = words[1:]
    return words


def _sleep(operands: Sequence[str]) -> Held:
    if NOT_KNOWN in "".join(operands):
        return Held(known=False, remark="how long it sleeps is not in the manifest")
    if not operands:
        return Held(fails="sleep without a time is an error")
    seconds = 0.0
    for operand in operands:
        found = _DURATION.fullmatch(operand)
        if found:
            seconds += float(found[1]) * _UNITS[found[2]]
        elif operand.lower() in {"infinity", "inf"}:
            seconds = math.inf
        else:
            return Held(fails=f"sleep takes no '{operand}'")
    return Held(seconds)


def _at_most(words: Sequence[str]) -> Held:
    while words and words[0].startswith("-"):
        words = words[1:]
    limit = _sleep(words[:1])
    inner = _simple(words[1:])
    if not limit.known or limit.fails:
        return limit
    return inner._replace(seconds=min(inner.seconds, limit.seconds)) if inner.known else inner


def _stopper(program: str, words: Sequence[str]) -> Held:
    """Return what a command does that may make a server stop listening."""
    text = " ".join(words[1:])
    if program == "wait-shutdown":
        return Held(stops=True, gracefully=True)
    if program == "kill":
        stops = "-0" not in words and "-l" not in words
    elif program in {"nginx", "openresty"}:
        stops = "-s" in words and words[-1] in {"quit", "stop"}
        if not stops and "-s" not in words:
            return Held(known="-t" in words, remark=f"'{shlex.join(words)}'")
    elif program in {"pkill", "killall"}:
        stops = "-0" not in words
    else:
        stops = "stop" in text
    return Held(stops=stops, gracefully=bool(_GRACEFUL.search(text)))


def _interpreted(program: str, words: Sequence[str]) -> Held:
    for name, option, text, unit_s in _INTERPRETED:
        found = re.fullmatch(text, words[2].strip()) if len(words) > 2 and words[1] == option else None  # noqa: PLR2004
        if re.fullmatch(name, program) and found:
            return Held(float(found[1]) * unit_s)
    if program in _KEYWORDS:
        return Held(known=False, remark="a loop or a condition")
    return Held(known=False, remark=f"what '{program}' does and how long it takes is not in the manifest")


def _base(program: str) -> str:
    return program.rsplit("/", 1)[-1]
