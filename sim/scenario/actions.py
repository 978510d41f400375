"""The actions of the AWS API that the model calls, named as IAM names them.

Modelled: the calls of the VPC CNI, and those of a cluster's controllers while its AWS resources exist and do not drift.
All but three of the latter only read.

Sources: the service authorization reference of AWS.
"""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class Service(StrEnum):
    """A service by its IAM prefix."""

    ELBV2 = "elasticloadbalancing"
    EC2 = "ec2"
    TAGGING = "tag"
    WAF_REGIONAL = "waf-regional"
    WAFV2 = "wafv2"


@unique
class Action(StrEnum):
    """An action: a service, a colon and an operation. The order of EC2's actions is that of their random streams."""

    DESCRIBE_LISTENER_ATTRIBUTES = "elasticloadbalancing:DescribeListenerAttributes"
    DESCRIBE_LISTENER_CERTIFICATES = "elasticloadbalancing:DescribeListenerCertificates"
    DESCRIBE_LISTENERS = "elasticloadbalancing:DescribeListeners"
    DESCRIBE_LOAD_BALANCER_ATTRIBUTES = "elasticloadbalancing:DescribeLoadBalancerAttributes"
    DESCRIBE_LOAD_BALANCERS = "elasticloadbalancing:DescribeLoadBalancers"
    DESCRIBE_RULES = "elasticloadbalancing:DescribeRules"
    DESCRIBE_TAGS = "elasticloadbalancing:DescribeTags"
    DESCRIBE_TARGET_GROUP_ATTRIBUTES = "elasticloadbalancing:DescribeTargetGroupAttributes"
    DESCRIBE_TARGET_GROUPS = "elasticloadbalancing:DescribeTargetGroups"
    DESCRIBE_TARGET_HEALTH = "elasticloadbalancing:DescribeTargetHealth"
    MODIFY_RULE = "elasticloadbalancing:ModifyRule"
    DEREGISTER_TARGETS = "elasticloadbalancing:DeregisterTargets"
    REGISTER_TARGETS = "elasticloadbalancing:RegisterTargets"
    DESCRIBE_INSTANCES = "ec2:DescribeInstances"
    DESCRIBE_NETWORK_INTERFACES = "ec2:DescribeNetworkInterfaces"
    DESCRIBE_SECURITY_GROUPS = "ec2:DescribeSecurityGroups"
    DESCRIBE_SUBNETS = "ec2:DescribeSubnets"
    DESCRIBE_VPCS = "ec2:DescribeVpcs"
    ASSIGN_PRIVATE_IP_ADDRESSES = "ec2:AssignPrivateIpAddresses"
    ATTACH_NETWORK_INTERFACE = "ec2:AttachNetworkInterface"
    CREATE_NETWORK_INTERFACE = "ec2:CreateNetworkInterface"
    DELETE_NETWORK_INTERFACE = "ec2:DeleteNetworkInterface"
    DETACH_NETWORK_INTERFACE = "ec2:DetachNetworkInterface"
    MODIFY_NETWORK_INTERFACE_ATTRIBUTE = "ec2:ModifyNetworkInterfaceAttribute"
    UNASSIGN_PRIVATE_IP_ADDRESSES = "ec2:UnassignPrivateIpAddresses"
    GET_RESOURCES = "tag:GetResources"
    WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE = "waf-regional:GetWebACLForResource"
    WAFV2_GET_WEB_ACL_FOR_RESOURCE = "wafv2:GetWebACLForResource"

    def __init__(self, name: str) -> None:
        """Note the two halves of the name, and whether the action only reads."""
        service, operation = name.split(":")
        self.service = Service(service)
        self.operation = operation
        self.is_read = self.operation.startswith(("Describe", "List", "Get"))
