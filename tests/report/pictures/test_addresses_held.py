from __future__ import annotations

from sim.capacity.plan import Plan
from sim.capacity.remedies import remedies
from sim.report.pictures.addresses_held import addresses_held
from sim.scenario.nodes import NodesSpec
from sim.scenario.vpc_cni import VpcCniSpec


def test_the_lines_are_what_each_node_holds_and_the_ends_those_of_the_subnets() -> None:
    plan = Plan(NodesSpec(instance_type="c5.4xlarge", count=65), VpcCniSpec(), 4)
    (axes,) = addresses_held(plan, remedies(plan)).axes
    lines = {str(line.get_label()): line.get_ydata()[-1] / line.get_xdata()[-1] for line in axes.lines[:4]}
    assert {label: round(slope) for label, slope in lines.items()} == {
        "as it is: 60 each": 60,
        "WARM_IP_TARGET 2, MINIMUM_IP_TARGET 4: 7 each": 7,
        "prefix delegation: 33 each": 33,
        "secondary CIDR, custom networking: 1 each": 1,
    }
    said = [text.get_text() for text in axes.texts]
    assert said == ["1 subnet ends: 2,043", "2 subnets end: 4,086", "3 subnets end: 6,129"]
