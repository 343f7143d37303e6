"""Reading a policy document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mesh.hujson import parse
from mesh.policy.document.entries import Reader
from mesh.policy.document.postures import read_postures, read_source_posture
from mesh.policy.document.reading import At, Faults
from mesh.policy.document.sections import (
    group_names,
    read_approvers,
    read_assertions,
    read_groups,
    read_hosts,
    read_node_attributes,
    read_tag_owners,
)
from mesh.policy.limits import MAX_RULES, MAX_TESTS
from mesh.policy.policy import Policy, renumber
from mesh.policy.rules import Action, Rule
from mesh.policy.selectors import Names

SECTIONS: Final = (
    "groups",
    "hosts",
    "tagOwners",
    "acls",
    "grants",
    "autoApprovers",
    "nodeAttrs",
    "postures",
    "defaultSrcPosture",
    "tests",
    "ghostwire",
)
UNSUPPORTED: Final = {
    "ssh": "agents offer no SSH server",
    "sshTests": "agents offer no SSH server",
    "derpMap": "relay regions are set up in the portal",
    "disableIPv4": "a network has the address ranges that it was made with",
    "OneCGNATRoute": "",
    "randomizeClientPort": "",
    "ipsets": "use hosts and groups",
    "services": "",
    "attrConfig": "",
}
COMMENTED: Final = ("groups", "hosts", "tags")
FORMAT: Final = 1
"""The version of what GhostWire adds to the format."""


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A document as read: its policy, comments of groups, hosts and tags by kind and bare name (tags whole), and what
    people should know of it."""

    policy: Policy
    comments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_policy(text: str | bytes, names: Names) -> PolicyDocument:
    """Read a HuJSON policy document.

    ``names`` are the users and nodes that it may name, the tags that exist already, and what may be named in vain (see
    ``with_vanished``); groups, hosts and tags that it defines itself are added. Raises HuJsonError or
    PolicyDocumentError, with line and column of every fault.
    """
    document = parse(text)
    faults = Faults(document)
    root = At(document.root, "", faults)
    sections = root.members(SECTIONS, UNSUPPORTED)
    faults.close()
    names = Names(
        names.users,
        names.nodes,
        frozenset(group_names(sections["groups"])) if "groups" in sections else frozenset(),
        frozenset(key for key, _, _ in sections["hosts"].entries()) if "hosts" in sections else frozenset(),
        frozenset(names.tags) | _tags(sections),
        names.vanished,
    )
    rules = _read_rules(sections, names)
    routes, exits = read_approvers(sections["autoApprovers"], names) if "autoApprovers" in sections else ((), ())
    policy = Policy(
        renumber(rules),
        read_groups(sections["groups"], names) if "groups" in sections else (),
        read_hosts(sections["hosts"]) if "hosts" in sections else (),
        read_tag_owners(sections["tagOwners"], names) if "tagOwners" in sections else (),
        routes,
        exits,
        read_node_attributes(sections["nodeAttrs"], names) if "nodeAttrs" in sections else (),
        read_assertions(sections["tests"], names) if "tests" in sections else (),
    )
    comments = _read_comments(sections["ghostwire"]) if "ghostwire" in sections else {}
    _check_whole(sections, policy, root)
    faults.close()
    return PolicyDocument(policy, comments, tuple(faults.warnings))


def _tags(sections: Mapping[str, At]) -> frozenset[str]:
    if "tagOwners" not in sections:
        return frozenset()
    value = sections["tagOwners"].value.value
    return frozenset(value) if isinstance(value, dict) else frozenset()


def _read_rules(sections: Mapping[str, At], names: Names) -> list[Rule]:
    postures = read_postures(sections["postures"]) if "postures" in sections else {}
    default = sections.get("defaultSrcPosture")
    reader = Reader(names, postures, read_source_posture(default, postures) if default is not None else [])
    rules: list[Rule] = []
    for section, read in (("acls", reader.acl), ("grants", reader.grant)):
        if section not in sections:
            continue
        for item in sections[section].items():
            rules.extend(read(item))
            if len(rules) > MAX_RULES:
                item.fault(f"at most {MAX_RULES} rules")
                return rules
    return rules


def _check_whole(sections: Mapping[str, At], policy: Policy, root: At) -> None:
    """What can only be said of the document as a whole."""
    if len(policy.assertions) > MAX_TESTS:
        sections["tests"].fault(f"at most {MAX_TESTS} tests")
    ours = "ghostwire" in sections or any(_is_ours(item) for item in _entries(sections))
    if policy.rules and not ours and all(rule.action is Action.DENY for rule in policy.rules):
        # Where this format comes from there are no denials: whoever writes only those expects the rest to be open.
        message = (
            "all rules deny, so this policy would allow nothing at all. Add what is to be accepted; to close the"
            ' network on purpose leave acls empty, or say "ghostwire": {"format": 1}'
        )
        next(iter(_entries(sections)), root).fault(message)


def _entries(sections: Mapping[str, At]) -> list[At]:
    return [item for name in ("acls", "grants") if name in sections for item in sections[name].items()]


def _is_ours(item: At) -> bool:
    return isinstance(item.value.value, dict) and "ghostwire" in item.value.value


def _read_comments(at: At) -> dict[str, dict[str, str]]:
    members = at.members(("format", "comments"))
    if "format" in members and members["format"].value.value != FORMAT:
        members["format"].fault(f"this GhostWire reads format {FORMAT}")
    found: dict[str, dict[str, str]] = {}
    if "comments" in members:
        for kind, value in members["comments"].members(COMMENTED).items():
            texts = {name: text for name, item, _ in value.entries() if (text := item.text()) is not None}
            found[kind] = texts
    return found
