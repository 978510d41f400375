"""Whether a preStop hook makes the target group's health check fail while the pod still serves.

Modelled, as far as a manifest tells:
- The hook is guessed to do so if it creates or removes the very file that the health check's path names.
- The same holds for a hook that sends a command to a path below the health check's.
- A hook that touches another file, or calls its own pod, may do so: the user is asked.
- The Kubernetes probes do not matter, since the ALB does not see them.

Left out: what the application does with the file or the call, which is not in a manifest.

Source: LBC docs/guide/ingress/annotations.md@v3.5.0 (`healthcheck-path`, `/` by default).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from sim.manifests.scripts import expanded, split
from sim.scenario.problems import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sim.manifests.containers import Part
    from sim.manifests.draft import Draft
    from sim.manifests.ingresses import Setting
    from sim.manifests.objects import Object

_KEY = "pod.pre_stop_fails_health_check"
_DEFAULT_PATH = "/"
_CHANGE_FILES = {"touch", "rm", "mv", "unlink"}
_CALL = {"curl", "wget", "http"}
_CHANGING = re.compile(r"-X|--request|-d|--data|--data-\w+|--post-data|--post-file|--method(=.*)?|POST|PUT|DELETE")
_OWN = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}  # noqa: S104 - as hooks write it
_WRITTEN = re.compile(r"(?<![0-9&])>>?\s*(/[\w./-]+)")
_NO_SWITCHES = {"/quitquitquit"}
"""Paths that end a mesh's proxy."""
_NO_SWITCH = re.compile(r"/dev/|/proc/|\.log$|termination-log")


class _Act(NamedTuple):
    """Something that a hook does to a file or a path of its own pod, in words."""

    path: str
    is_file: bool
    changes: bool
    text: str


def put_health_switch(draft: Draft, parts: Iterable[Part], path: Setting | None, holder: Object) -> None:
    """Guess `pod.pre_stop_fails_health_check`, or ask for it. `path` is the health check's, None if nothing says it."""
    checked = urlsplit(path.value).path if path else _DEFAULT_PATH
    acts = [(act, part) for part in parts for act in _acts(part) if act.changes or act.path != checked]
    for act, part in acts:
        if _fails(act, checked):
            text, place = f"{act.text}, and the health check asks for {shown(checked)}", part.hook_place(holder)
            draft.put(_KEY, True, place, "guessed", text)
            draft.warn("health-check-fails-guessed", _KEY, f"a guess: {text}; it has to answer an error then", place)
            return
    for act, part in acts[:1]:
        text = (
            f"{act.text}: if that makes the health check, {shown(checked)}, answer an error, --set {_KEY}=true tells; "
            "false stands in"
        )
        draft.warn("health-check-unknown", _KEY, text, part.hook_place(holder))


def _fails(act: _Act, checked: str) -> bool:
    """Return whether an act concerns the file or the path of the health check."""
    asked = checked.rstrip("/")
    if not asked:
        return False
    if act.is_file:
        return act.path.endswith(asked) or act.path.rpartition("/")[2].partition(".")[0] == asked.rpartition("/")[2]
    return act.path.startswith(f"{asked}/") or (act.path == asked and act.changes)


def _acts(part: Part) -> Iterator[_Act]:
    """Return what a container's hook does before it sleeps."""
    hook = part.hook
    if hook is None:
        return
    if hook.http_get is not None:
        yield _call(str(hook.http_get.get("path", _DEFAULT_PATH)), changes=False)
    command = hook.exec_.command if hook.exec_ else []
    for word in command:
        before, slept, _ = word.partition("sleep")
        for found in _WRITTEN.finditer(before):
            yield from _of_file(found[1])
        yield from _of_script(before if slept else word, part.container.texts)
    yield from _of_command(command)


def _of_script(text: str, env: Mapping[str, str]) -> Iterator[_Act]:
    try:
        commands = split(expanded(text, env)) if re.search(r"\s", text) else []
    except ValueError:
        return
    for words, _, _ in commands:
        yield from _of_command(words)


def _of_command(words: Sequence[str]) -> Iterator[_Act]:
    for at, word in enumerate(words):
        program = word.rpartition("/")[2]
        if program in _CHANGE_FILES:
            for operand in words[at + 1 :]:
                yield from _of_file(operand)
            return
        if program in _CALL:
            yield from _of_call(words[at + 1 :])
            return


def _of_file(path: str) -> Iterator[_Act]:
    if "/" in path and not path.startswith("-") and not _NO_SWITCH.search(path):
        yield _Act(path, is_file=True, changes=True, text=f"the hook changes {shown(path)}")


def _of_call(words: Sequence[str]) -> Iterator[_Act]:
    changes = any(_CHANGING.fullmatch(word) for word in words)
    for word in words:
        path = _path_in_own_pod(word)
        if path is not None and path not in _NO_SWITCHES:
            yield _call(path, changes=changes)


def _call(path: str, *, changes: bool) -> _Act:
    return _Act(path, is_file=False, changes=changes, text=f"the hook calls {shown(path)}")


def _path_in_own_pod(word: str) -> str | None:
    try:
        parts = urlsplit(word if "://" in word else f"http://{word}")
        host = parts.hostname
    except ValueError:
        return None
    return parts.path or _DEFAULT_PATH if host in _OWN else None
