"""Which tests, and which parts of `verify`, run which lines of both planes, and how long each takes.

    pip install coverage
    python tests/mutation/covered.py verify DIRECTORY     # writes verify.json, in two minutes
    python tests/mutation/covered.py tests DIRECTORY      # writes tests.json, in ten minutes

Loops that numba compiles are not seen: every test that runs their module counts for each of their lines.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import coverage
import pytest
from mutants import PLANES, ROOT
from verify_parts import parts

SUITES = ("control_plane", "data_plane", "reference", "experiment", "diagnosis")


class Lines:
    """What was run by whom: a plugin of pytest too."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, source=[str(ROOT / plane) for plane in PLANES], config_file=False
        )
        self._took_s: dict[str, float] = {}
        self._coverage.start()

    def by(self, name: str, began_s: float) -> None:
        self._took_s[name] = time.process_time() - began_s
        self._coverage.switch_context("")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self._coverage.switch_context(item.nodeid)
        began_s = time.process_time()
        yield
        self.by(item.nodeid, began_s)

    def written(self, path: Path) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {
            str(Path(file).relative_to(ROOT)): {
                str(line): [name for name in names if name] for line, names in data.contexts_by_lineno(file).items()
            }
            for file in sorted(data.measured_files())
        }
        path.write_text(json.dumps({"took_s": self._took_s, "lines": lines}), encoding="utf-8")

    def run_verify(self) -> None:
        for name, passes in parts():
            self._coverage.switch_context(name)
            began_s = time.process_time()
            if not passes():
                sys.exit(f"{name} fails as it is")
            self.by(name, began_s)


def main(what: str, directory: str) -> None:
    lines = Lines()
    if what == "verify":
        lines.run_verify()
    else:
        paths = [str(ROOT / "tests" / suite) for suite in SUITES]
        if pytest.main(["-n0", "-q", "-p", "no:cacheprovider", *paths], plugins=[lines]) != 0:
            sys.exit("the tests fail as they are")
    lines.written(Path(directory) / f"{what}.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
