"""Reads of a network's policy: as the values that the engine takes, as facts, and its names."""

from acl.selectors.history import get_version, latest_version, policy_clock, policy_of_version
from acl.selectors.names import (
    carried_tags,
    is_named_by_policy,
    known_names,
    labels_for,
    labels_in,
    labels_of,
    load_groups,
    owns_tag,
    policy_names_beginning,
)
from acl.selectors.policy import load_policy, policy_facts, rule_value

__all__ = [
    "carried_tags",
    "get_version",
    "is_named_by_policy",
    "known_names",
    "labels_for",
    "labels_in",
    "labels_of",
    "latest_version",
    "load_groups",
    "load_policy",
    "owns_tag",
    "policy_clock",
    "policy_facts",
    "policy_names_beginning",
    "policy_of_version",
    "rule_value",
]
