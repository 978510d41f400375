"""The laws against scipy.stats, which knows nothing of them, and against plain integration for the cut ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import integrate, stats

from sim.scenario.distributions import (
    Constant,
    DistributionField,
    Exponential,
    Gamma,
    Lognormal,
    Uniform,
)
from sim.scenario.measured import Empirical

if TYPE_CHECKING:
    from pathlib import Path

    from sim.scenario.law import Law

LAW: TypeAdapter[Any] = TypeAdapter(DistributionField)

PAIRS = [
    pytest.param(Uniform(low=2, high=5), stats.uniform(2, 3), id="uniform"),
    pytest.param(Exponential(mean=4), stats.expon(scale=4), id="exponential"),
    pytest.param(Lognormal(median=0.05, sigma=0.8), stats.lognorm(0.8, scale=0.05), id="lognormal-sigma"),
    pytest.param(
        Lognormal(median=10, p95=20), stats.lognorm(math.log(2) / stats.norm.ppf(0.95), scale=10), id="lognormal-p95"
    ),
    pytest.param(Lognormal(mean=3, sigma=0.5), stats.lognorm(0.5, scale=3 * math.exp(-0.125)), id="lognormal-mean"),
    pytest.param(Gamma(shape=2.5, scale=3), stats.gamma(2.5, scale=3), id="gamma-scale"),
    pytest.param(Gamma(shape=0.5, mean=3), stats.gamma(0.5, scale=6), id="gamma-mean"),
]


@pytest.mark.parametrize(("law", "oracle"), PAIRS)
def test_a_law_is_that_of_scipy(law: Law, oracle: Any) -> None:
    x = np.array([-1.0, 0.0, 0.01, 0.05, 1.0, 2.0, 3.5, 5.0, 20.0, 1000.0])
    q = np.array([0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
    assert law.mean() == pytest.approx(oracle.mean(), rel=1e-12)
    np.testing.assert_allclose(law.sf(x), oracle.sf(x), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(law.ppf(q), oracle.ppf(q), rtol=1e-9)


@pytest.mark.parametrize(("law", "oracle"), PAIRS)
def test_a_sample_follows_its_law(law: Law, oracle: Any) -> None:
    sample = law.sample(np.random.default_rng(20), 20_000)
    assert sample.shape == (20_000,)
    # Kolmogorov's test; the seed is fixed, so that this cannot fail by chance.
    assert stats.kstest(sample, oracle.cdf).pvalue > 0.01


@pytest.mark.parametrize(("law", "oracle"), PAIRS)
@pytest.mark.parametrize("cap_quantile", [0.3, 0.9])
def test_a_cut_law_moves_what_is_above_to_the_cap(law: Law, oracle: Any, cap_quantile: float) -> None:
    cap = float(oracle.ppf(cap_quantile))
    cut = law.model_copy(update={"max": cap})
    expected, _ = integrate.quad(oracle.sf, 0, cap, points=[min(2.0, cap)], limit=200)
    assert cut.mean() == pytest.approx(expected, rel=1e-7)
    np.testing.assert_array_equal(cut.sf([cap, cap * 2]), [0, 0])
    assert cut.sf(cap * 0.99) == pytest.approx(oracle.sf(cap * 0.99))
    assert cut.ppf(1.0) == cap
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(
        cut.sample(rng, 100), np.minimum(law.sample(np.random.default_rng(3), 100), cap), strict=True
    )


@pytest.mark.parametrize(("law", "oracle"), PAIRS)
def test_the_limited_mean_is_the_integral_of_the_survival_function(law: Law, oracle: Any) -> None:
    x = np.array([0.0, 0.02, 1.0, 3.0, 30.0])
    expected = [integrate.quad(oracle.sf, 0, end, points=[min(2.0, end)], limit=200)[0] for end in x]
    np.testing.assert_allclose(law.limited_mean(x), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(("name", "q"), [("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)])
def test_a_quantile_of_a_lognormal_is_where_it_was_put(name: str, q: float) -> None:
    law = LAW.validate_python({"dist": "lognormal", "median": 0.05, name: 0.5})
    assert float(law.ppf(q)) == pytest.approx(0.5)
    assert float(law.ppf(0.5)) == pytest.approx(0.05)


def test_the_mean_of_a_lognormal_is_not_that_of_its_logarithm() -> None:
    """Over 40,000 draws the mean of exp(N(mu, 0.5²)) has a standard error of 0.27 %: the bound is four of them."""
    sample = Lognormal(mean=3, sigma=0.5).sample(np.random.default_rng(1), 40_000)
    assert float(sample.mean()) == pytest.approx(3, rel=4 * 0.0027)


def test_a_lognormal_without_spread_is_its_median() -> None:
    law = Lognormal(median=7, sigma=0)
    assert law.mean() == pytest.approx(7)
    np.testing.assert_array_equal(law.sf([6.9, 7.0, 7.1]), [1, 0, 0])
    np.testing.assert_allclose(law.sample(np.random.default_rng(0), 3), 7)
    np.testing.assert_allclose(law.ppf([0.0, 0.5, 1.0]), 7)


@pytest.mark.parametrize("law", [Constant(value=3), Uniform(low=3, high=3), LAW.validate_python(3)])
def test_a_constant_is_always_the_same(law: Law) -> None:
    assert law.mean() == 3
    np.testing.assert_array_equal(law.sf([2.9, 3.0]), [1, 0])
    np.testing.assert_array_equal(law.ppf([0.0, 0.5, 1.0]), 3)
    np.testing.assert_array_equal(law.sample(np.random.default_rng(0), 4), 3)
    np.testing.assert_array_equal(law.limited_mean([0, 2, 4, math.inf]), [0, 2, 3, 3])


def test_an_empirical_law_is_its_values() -> None:
    law = Empirical(values=(4, 1, 1, 10))
    assert law.mean() == 4
    np.testing.assert_array_equal(law.sf([0, 1, 3, 4, 10]), [1, 0.5, 0.5, 0.25, 0])
    np.testing.assert_array_equal(law.ppf([0, 0.5, 0.51, 0.75, 1]), [1, 1, 4, 4, 10])
    np.testing.assert_array_equal(law.limited_mean([0, 1, 2, 10, math.inf]), [0, 1, 1.5, 4, 4])
    # 4000 draws of a share of a half: four standard errors are 0.032.
    sample = law.sample(np.random.default_rng(0), 4000)
    assert set(np.unique(sample)) == {1, 4, 10}
    assert np.mean(sample == 1) == pytest.approx(0.5, abs=0.032)


@pytest.mark.parametrize("text", ["1\n2.5\n", "lag_s\n1\n2.5", "\ufeff1\r\n\r\n2.5\r\n", " 1 \n 2.5e0\n"])
def test_values_are_read_from_a_csv_file_and_kept(tmp_path: Path, text: str) -> None:
    file = tmp_path / "lags.csv"
    file.write_bytes(text.encode())
    law = LAW.validate_python({"dist": "empirical", "csv": str(file), "max": 2})
    assert law.model_dump(exclude_unset=True) == {"dist": "empirical", "values": (1, 2.5), "max": 2}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "which has none"),
        (b"lag_s\n", "which has none"),
        (b"1\nx\n", ":2: 'x'"),
        (b"1e999\n1\n", ":1: '1e999'"),
        (b"nan\n1\n", ":1: 'nan'"),
        (b"1,2\n3,4\n", "a header in .* that names its columns .got none"),
        (b"pod,lag_s\na,1\n", "one of 'pod', 'lag_s' .got none. the file has several columns"),
        (b"1\n\xff\n", "not UTF-8"),
        (b"1\n" * 10_000_001, "larger than 20 MB"),
    ],
)
def test_a_csv_file_without_a_column_of_numbers_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    file = tmp_path / "lags.csv"
    file.write_bytes(content)
    with pytest.raises(ValidationError, match=found):
        LAW.validate_python({"dist": "empirical", "csv": str(file)})


def test_a_csv_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="No such file"):
        LAW.validate_python({"dist": "empirical", "csv": str(tmp_path / "no.csv")})
    for name in ("", 3):
        with pytest.raises(ValidationError, match="the name of a CSV file"):
            LAW.validate_python({"dist": "empirical", "csv": name})
    for name in ("a\0b", "\ud83d"):
        with pytest.raises(ValidationError, match="which no file can be called"):
            LAW.validate_python({"dist": "empirical", "csv": name})


@pytest.mark.parametrize(
    "wrong",
    [
        True,
        -1,
        math.nan,
        math.inf,
        "3",
        None,
        [],
        {"dist": "constant"},
        {"dist": "constant", "value": True},
        {"dist": "normal", "mean": 3, "sigma": 1},
        {"median": 3, "sigma": 1},
        {"dist": "uniform", "low": 3, "high": 2},
        {"dist": "uniform", "low": -1, "high": 2},
        {"dist": "exponential", "mean": 0},
        {"dist": "exponential", "mean": 1, "max": 0},
        {"dist": "exponential", "rate": 1},
        {"dist": "lognormal"},
        {"dist": "lognormal", "median": 1},
        {"dist": "lognormal", "sigma": 1},
        {"dist": "lognormal", "p95": 1, "p99": 2},
        {"dist": "lognormal", "median": 1, "sigma": 1, "p99": 3},
        {"dist": "lognormal", "median": 1, "p95": 2, "p99": 3},
        {"dist": "lognormal", "median": 1, "mean": 2},
        {"dist": "lognormal", "mean": 1, "p99": 2},
        {"dist": "lognormal", "median": 1, "p99": 1},
        {"dist": "lognormal", "median": 1, "p99": 0.5},
        {"dist": "lognormal", "median": 1e-300, "p99": 1},
        {"dist": "lognormal", "median": 1, "sigma": -1},
        {"dist": "gamma", "shape": 2},
        {"dist": "gamma", "shape": 2, "scale": 1, "mean": 2},
        {"dist": "gamma", "shape": 0, "scale": 1},
        {"dist": "empirical"},
        {"dist": "empirical", "values": []},
        {"dist": "empirical", "values": [1, -1]},
        {"dist": "empirical", "values": [1, "2"]},
        {"dist": "empirical", "values": [1], "csv": "x.csv"},
    ],
)
def test_what_is_no_law_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        LAW.validate_python(wrong)


times = st.floats(1e-3, 1e4)
laws = st.one_of(
    st.builds(lambda value: {"dist": "constant", "value": value}, times),
    st.builds(lambda low, width: {"dist": "uniform", "low": low, "high": low + width}, times, times),
    st.builds(lambda mean: {"dist": "exponential", "mean": mean}, times),
    st.builds(lambda median, sigma: {"dist": "lognormal", "median": median, "sigma": sigma}, times, st.floats(0, 2)),
    st.builds(lambda mean, shape: {"dist": "gamma", "mean": mean, "shape": shape}, times, st.floats(0.1, 50)),
    st.builds(lambda values: {"dist": "empirical", "values": values}, st.lists(times, min_size=1, max_size=20)),
)


@given(laws, st.none() | times, st.floats(0.001, 0.999), st.integers(0, 2**32))
@example({"dist": "lognormal", "median": 1.0, "sigma": 2e-311}, None, 0.5, 0)
def test_any_law_agrees_with_itself(raw: dict[str, Any], cap: float | None, q: float, seed: int) -> None:
    law = LAW.validate_python(raw | {"max": cap})
    at = float(law.ppf(q))
    # What is at or below the quantile has at least probability q; what is below it, at most.
    assert float(law.sf(at * (1 + 1e-9))) <= 1 - q + 1e-6
    assert float(law.sf(at * (1 - 1e-6))) >= 1 - q - 1e-4
    sample = law.sample(np.random.default_rng(seed), 50)
    assert np.all(np.isfinite(sample))
    assert np.all(sample >= 0)
    assert np.all(sample <= (cap or math.inf))
    means = law.limited_mean([0, at, 1e9, math.inf])
    assert means[0] == 0
    assert np.all(np.diff(means) >= -1e-9 * means[-1])
    assert law.mean() == means[-1]
    assert LAW.validate_python(law.model_dump(exclude_unset=True)) == law


@given(laws)
def test_the_unset_keys_of_a_dump_are_not_needed(raw: dict[str, Any]) -> None:
    law = LAW.validate_python(raw)
    assert LAW.validate_python(LAW.dump_python(law)) == law
    assert LAW.validate_json(LAW.dump_json(law)) == law
