"""The page on `albsim import` shows what the command writes."""

from __future__ import annotations

import re
from pathlib import Path

from sim.manifests.importing import Asked, import_sources
from sim.manifests.sources import Source
from sim.manifests.writing import as_yaml

PAGE = Path("docs/import.md")


def test_the_scenario_on_the_page_is_that_of_its_manifests() -> None:
    manifests, scenario, *_ = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = import_sources([Source("app.yaml", manifests)], Asked(rps=300))
    assert as_yaml(found) == scenario
    (warned,) = (one for one in found.workloads[0].draft.warnings if one.id == "delay-below-pre-stop")
    assert str(warned.place).startswith("app.yaml:30 ")
