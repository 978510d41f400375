"""Names."""

from __future__ import annotations

from typing import get_args

import pytest

from sim.control_plane.aws.retryers import RETRYERS, WITH_RATE_LIMIT, WITH_RETRY_QUOTA, retryer
from sim.scenario.releases import RELEASES
from sim.scenario.retryers import LONGEST_WAITS_S, RetryerName


def test_each_policy_that_a_release_pins_or_a_scenario_names_exists() -> None:
    assert {release.retryer for release in RELEASES} <= set(RETRYERS) == set(get_args(RetryerName))
    assert WITH_RATE_LIMIT < WITH_RETRY_QUOTA < set(RETRYERS)


@pytest.mark.parametrize("name", LONGEST_WAITS_S)
def test_the_longest_waits_that_warnings_name_are_those_of_the_policies(name: RetryerName) -> None:
    first_s, most_s = LONGEST_WAITS_S[name]
    for retry in range(1, 16):
        assert RETRYERS[name].support_s(retry)[1] == min(first_s * 2 ** (retry - 1), most_s)


def test_a_name_that_is_nearly_right_is_met_with_the_right_one() -> None:
    with pytest.raises(
        ValueError, match=r"no retry policy has the name 'aws-sdk-gov2': did you mean 'aws-sdk-go-v2'\?"
    ):
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
