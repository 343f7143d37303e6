from acl.models.approval import AutoApproval, AutoApprover
from acl.models.assertion import PolicyTest
from acl.models.attribute import NodeAttribute
from acl.models.group import Group, GroupMember
from acl.models.host import Host
from acl.models.rule import AclRule
from acl.models.tag import TagOwner
from acl.models.trial import PolicyTrial
from acl.models.version import PolicyBoundary, PolicyClock, PolicyVersion

__all__ = [
    "AclRule",
    "AutoApproval",
    "AutoApprover",
    "Group",
    "GroupMember",
    "Host",
    "NodeAttribute",
    "PolicyBoundary",
    "PolicyClock",
    "PolicyTest",
    "PolicyTrial",
    "PolicyVersion",
    "TagOwner",
]
