"""A real-looking log that spans years, with hardly any rollout in it: nothing is made up, and it takes no time."""

from pathlib import Path

from sim.calibration.calibrate import calibrate
from sim.records.reading import read

DATA = Path(__file__).parents[1] / "records" / "data"


def test_what_is_too_little_is_listed_and_not_made_up() -> None:
    found = calibrate(read([DATA]))
    assert "too few observations" in found.not_measured["target_group.propagation_s"]
    assert found.not_measured["pod.startup_s"] == "no audit log, events or pod list"
    assert found.measured["controller.version"].value == "v3.3.0"
    rate = found.measured.get("traffic.arrival_rate_rps")
    assert rate is None or rate.value > 0
