"""Who called the account's API: controllers by their user agent, v1.1 by its SDK and what it asks."""

import pandas as pd
import pytest

from sim.calibration.account import background, controller_version, other_clusters

ELB = "elasticloadbalancing"
V1_1_4, V1_1_9 = "aws-sdk-go/1.23.21", "aws-sdk-go/1.27.3"


def calls(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["client", "software", "action", "target_group"])
    return frame.assign(action=ELB + ":" + frame["action"], time_s=[float(second) for second in range(len(rows))])


def own(times: int) -> list[tuple[str, str, str, str]]:
    return [("ours", "elbv2.k8s.aws/v2.8.0", "DeregisterTargets", "a")] * times


def test_a_v1_controller_is_a_cluster_of_the_last_release_with_its_sdk() -> None:
    theirs = [("theirs", V1_1_4, "DescribeTargetHealth", group) for group in ("b", "c")]
    found = other_clusters(calls(*own(6), *theirs, ("theirs", V1_1_4, "RegisterTargets", "b"), *own(1)), "ours")
    assert found.value == [{"ingresses": 2, "churn_per_s": 0.1, "controller": {"version": "v1.1.4"}}]
    assert any("SDK" in note for note in found.notes)


@pytest.mark.parametrize(
    ("software", "action"),
    [
        (V1_1_9, "DescribeLoadBalancers"),
        ("aws-sdk-go/1.44.0", "DescribeTargetHealth"),
        ("APN/1.0", "DescribeTargetHealth"),
    ],
)
def test_who_only_uses_such_an_sdk_or_only_asks_for_health_is_no_controller(software: str, action: str) -> None:
    found = calls(*own(5), *[("theirs", software, action, "b")] * 5)
    assert isinstance(other_clusters(found, "ours"), str)
    assert background(found, "ours").value == {"elbv2_describe": 0.5}


def test_the_own_version_by_name_or_by_sdk() -> None:
    assert controller_version(calls(*own(2)), "ours").value == "v2.8.0"
    by_sdk = controller_version(calls(("ours", V1_1_9, "DescribeTargetHealth", "a")), "ours")
    assert by_sdk.value == "v1.1.9"
    assert by_sdk.notes
    assert isinstance(controller_version(calls(("ours", "Boto3/1.34.0", "DescribeTargetHealth", "a")), "ours"), str)
