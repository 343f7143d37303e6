from acl.models.group import Group, GroupMember
from acl.models.host import Host
from acl.models.rule import AclRule
from acl.models.tag import TagOwner

__all__ = ["AclRule", "Group", "GroupMember", "Host", "TagOwner"]
