"""Names and versions."""

from __future__ import annotations

import pytest

from sim.control_plane.aws.retryers import (
    RETRYERS,
    SDK_PINS,
    WITH_RATE_LIMIT,
    WITH_RETRY_QUOTA,
    default_retryer,
    retryer,
)


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("v1.1.0", "aws-sdk-go-1.12"),
        ("v1.1.1", "aws-sdk-go-1.12"),
        ("v1.1.2", "aws-sdk-go-1.12"),
        ("v1.1.3", "aws-sdk-go-1.23.13"),
        ("v1.1.4", "aws-sdk-go-1.23.13"),
        ("v1.1.5", "aws-sdk-go-1.23.22"),
        ("v1.1.9", "aws-sdk-go-1.23.22"),
        ("v2.0", "aws-sdk-go-1.23.22"),
        ("v2.0.0", "aws-sdk-go-1.23.22"),
        ("v2.4.7", "aws-sdk-go-1.23.22"),
        ("v2.8.3", "aws-sdk-go-1.23.22"),
        ("v2.9", "aws-sdk-go-v2"),
        ("v2.13.4", "aws-sdk-go-v2"),
        ("v3.2.0", "aws-sdk-go-v2"),
    ],
)
def test_each_version_pins_its_retryer(version: str, name: str) -> None:
    assert default_retryer(version) == name
    assert name in RETRYERS


@pytest.mark.parametrize(
    ("version", "sdk"),
    [
        ("v1.1.0", "aws-sdk-go 1.16.11"),
        ("v1.1.1", "aws-sdk-go 1.16.11"),
        ("v1.1.2", "aws-sdk-go 1.16.35"),
        ("v1.1.9", "aws-sdk-go 1.27.3"),
        ("v2.0.0", "aws-sdk-go 1.35.4"),
        ("v2.3.9", "aws-sdk-go 1.35.4"),
        ("v2.4.0", "aws-sdk-go 1.42.27"),
        ("v2.6.9", "aws-sdk-go 1.42.27"),
        ("v2.7.0", "aws-sdk-go 1.50.8"),
        ("v2.8.9", "aws-sdk-go 1.50.8"),
        ("v2.9.0", "aws-sdk-go-v2"),
    ],
)
def test_each_version_pins_its_sdk(version: str, sdk: str) -> None:
    release_of_version = tuple(map(int, version[1:].split(".")))
    assert [pin.sdk for pin in SDK_PINS if pin.since <= release_of_version][-1] == sdk


@pytest.mark.parametrize("version", ["fixed_lag", "", "1.1.4", "v1", "v1.0.9", "v1.1.4-beta", "v1.1.4\n"])
def test_what_is_no_version_is_named(version: str) -> None:
    with pytest.raises(ValueError, match="'version' must be a controller version") as caught:
        default_retryer(version)
    assert repr(version) in str(caught.value)


def test_pins_are_in_order_and_name_policies_that_exist() -> None:
    assert [pin.since for pin in SDK_PINS] == sorted({pin.since for pin in SDK_PINS})
    assert {pin.retryer for pin in SDK_PINS} <= set(RETRYERS)
    assert WITH_RATE_LIMIT < WITH_RETRY_QUOTA < set(RETRYERS)


def test_a_name_that_is_nearly_right_is_met_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'aws-sdk-go-v2'\? \(got 'aws-sdk-gov2'\)"):
        retryer("aws-sdk-gov2", max_retries=1)
    with pytest.raises(ValueError, match="one of published, published-repeat"):
        retryer("zzz", max_retries=1)


def test_published_refuses_more_than_seven_retries_and_says_how_to_go_on() -> None:
    assert retryer("published", max_retries=7) is RETRYERS["published"]
    assert retryer("published", max_retries=3) is RETRYERS["published"]
    with pytest.raises(ValueError, match=r"7 retries \(got 8\).*'published-repeat'.*'published-double'"):
        retryer("published", max_retries=8)
    assert retryer("published-double", max_retries=8).wait_s(8, 0.0) == 122


@pytest.mark.parametrize("name", [name for name in RETRYERS if not name.startswith("aws-sdk-go-1.")])
def test_every_other_client_retries_every_throttle(name: str) -> None:
    assert RETRYERS[name].retries("ThrottledException")
