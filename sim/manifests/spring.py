"""What a manifest tells of a Spring Boot application's shutdown: properties on the command line and in the environment.

Modelled: `server.shutdown` and `spring.lifecycle.timeout-per-shutdown-phase`, as option of Java or of the application,
or as variable; a duration is a number of milliseconds, `20s`, or `PT20S`.

Left out: the application's own property files, which are in its image.

Source: docs.spring.io, Spring Boot reference: Graceful Shutdown; Externalized Configuration (Binding From Environment
Variables, Converting Durations).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.manifests.models import Container

_SHUTDOWN = "server.shutdown"
_TIMEOUT = "spring.lifecycle.timeout-per-shutdown-phase"
_DURATION = re.compile(r"(?:PT)?(\d{1,9})(ms|s|m|h|)", re.IGNORECASE)
_UNITS = {"": 0.001, "ms": 0.001, "s": 1, "m": 60, "h": 3600}


def is_graceful(container: Container) -> bool | None:
    """Return whether the application finishes its requests at the stop signal, None if the manifest does not say."""
    given = _property(container, _SHUTDOWN).lower()
    return {"graceful": True, "immediate": False}.get(given)


def shutdown_s(container: Container) -> float | None:
    """Return for how long Spring Boot waits for its requests, None if the manifest does not say."""
    found = _DURATION.fullmatch(_property(container, _TIMEOUT))
    return float(found[1]) * _UNITS[found[2].lower()] if found else None


def _property(container: Container, name: str) -> str:
    variable = container.texts.get(name.upper().replace(".", "_").replace("-", ""), "")
    spelled = re.compile(rf"(?:^|\s)(?:-D|--){re.escape(name)}=(\S+)")
    texts = [*container.texts.values(), *container.words]
    found = [match[1] for text in texts for match in [spelled.search(text)] if match]
    return found[-1] if found else variable.strip()
