from __future__ import annotations

from statistics import fmean

import numpy as np
import pandas as pd
import pytest

from sim.experiment.figures import COLUMNS
from sim.report.pictures.race_plot import race
from sim.report.pictures.sweep_frame import PlotError

VERSION = "controller.version"


def results(name: str, versions: tuple[str, ...] = ("v1.1.4", "v3.2"), seed: int = 5) -> pd.DataFrame:
    """Make a sweep's results of 6 replications, of numbers that no simulation had to give."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.gamma(2, 3, (6 * len(versions), len(COLUMNS))), columns=list(COLUMNS))
    frame["any_502"] = (frame["any_502"] > 5).astype(float)
    frame.insert(0, VERSION, np.repeat(versions, 6))
    frame.attrs["albsim"] = {
        "scenario": {
            "name": name,
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": 1},
            "pod": {"pre_stop_sleep_s": 15},
        },
        "seed": 7,
        "vary": {VERSION: list(versions)},
        "version": "1.2.3",
    }
    return frame


def test_each_file_has_its_colour_and_each_value_its_estimates() -> None:
    frames = [results("ours"), results("all", seed=6)]
    picture = race(frames, x=VERSION)
    lags, numbers, shares = picture.axes
    means = [
        fmean(frame[frame[VERSION] == version]["responses.502"]) for frame in frames for version in ("v1.1.4", "v3.2")
    ]
    assert [line.get_ydata()[0] for line in numbers.lines] == pytest.approx(means)
    assert shares.get_legend_handles_labels()[1] == ["ours", "all"]
    assert lags.get_legend_handles_labels()[1] == ["preStop sleep"]
    slowest = frames[0][frames[0][VERSION] == "v1.1.4"]["deregistration_lag_s.max"]
    longest = max(segment[:, 1].max() for bars in lags.collections[:-1] for segment in bars.get_segments()[:1])
    assert longest == pytest.approx(
        max(slowest.max(), frames[1][frames[1][VERSION] == "v1.1.4"]["deregistration_lag_s.max"].max())
    )


def test_sweeps_of_other_values_are_refused() -> None:
    with pytest.raises(PlotError, match="has other values in one file than in another"):
        race([results("one"), results("other", ("v1.1.4", "v2.8"))], x=VERSION)
    with pytest.raises(PlotError, match="at most 4 files"):
        race([results("one")] * 5, x=VERSION)
    with pytest.raises(PlotError, match="is not varied"):
        race([results("one")], x="pod.pre_stop_sleep_s")
