"""What differs between two versions of a policy."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Final

from acl.stored import Facts

EMPTY: Final[Facts] = {
    "rules": [],
    "groups": {},
    "hosts": {},
    "tags": {},
    "approvers": {},
    "exit_approvers": [],
    "attributes": [],
    "tests": [],
    "comments": {"groups": {}, "hosts": {}, "tags": {}},
}
"""The facts of no policy at all, which denies everything."""

KEYED: Final = ("groups", "hosts", "tags", "approvers")
LISTED: Final = ("exit_approvers", "attributes", "tests", "comments")
_NOUNS: Final = {
    "rules": ("rule", "rules"),
    "groups": ("group", "groups"),
    "hosts": ("host", "hosts"),
    "tags": ("tag", "tags"),
    "approvers": ("auto approver", "auto approvers"),
}
_LISTS: Final = {
    "exit_approvers": "exit node approvers",
    "attributes": "node attributes",
    "tests": "tests",
    "comments": "comments",
}


def difference(before: Facts, after: Facts) -> dict[str, Any]:
    """What makes ``before`` into ``after``; sections that agree are left out.

    ``rules``: ``added``, ``removed`` (whole rules), ``changed`` (``id``, ``before``, ``after``, ``members``) and
    ``moved`` (``id``, ``before``, ``after``: positions; the fewest rules that account for the new order). ``groups``,
    ``hosts``, ``tags``, ``approvers``: the same by name, without ``moved``. The other sections: ``before``, ``after``.
    """
    found: dict[str, Any] = {}
    if rules := _rules(before["rules"], after["rules"]):
        found["rules"] = rules
    for section in KEYED:
        if keyed := _keyed(before[section], after[section]):
            found[section] = keyed
    for section in LISTED:
        if before[section] != after[section]:
            found[section] = {"before": before[section], "after": after[section]}
    return found


def change_facts(before: Facts, after: Facts) -> dict[str, Any]:
    """The same for the change log: the full new facts of what changed, the names of what is gone, and the ids of all
    rules in their order."""
    found = difference(before, after)
    changed: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    for section, parts in found.items():
        if section == "rules":
            changed["rules"] = [*parts.get("added", ()), *(item["after"] for item in parts.get("changed", ()))]
            removed["rules"] = [rule["id"] for rule in parts.get("removed", ())]
        elif section in KEYED:
            names = (*parts.get("added", ()), *parts.get("changed", ()))
            changed[section] = {name: after[section][name] for name in names}
            removed[section] = sorted(parts.get("removed", ()))
        else:
            changed[section] = parts["after"]
    return {
        "rules": [rule["id"] for rule in after["rules"]],
        "changed": {section: value for section, value in changed.items() if value or section in LISTED},
        "removed": {section: value for section, value in removed.items() if value},
    }


def summary_of(found: Mapping[str, Any]) -> str:
    """A difference in a few words: ``1 rule added, 2 rules moved, tests changed``."""
    words: list[str] = []
    for section, parts in found.items():
        if section in _LISTS:
            words.append(f"{_LISTS[section]} changed")
            continue
        one, many = _NOUNS[section]
        words.extend(
            f"{len(parts[verb])} {one if len(parts[verb]) == 1 else many} {verb}"
            for verb in ("added", "removed", "changed", "moved")
            if parts.get(verb)
        )
    return ", ".join(words)


def _rules(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    old, new = {rule["id"]: rule for rule in before}, {rule["id"]: rule for rule in after}
    found = {
        "added": [rule for rule in after if rule["id"] not in old],
        "removed": [rule for rule in before if rule["id"] not in new],
        "changed": [
            {"id": ident, "before": old[ident], "after": rule, "members": members}
            for ident, rule in new.items()
            if ident in old and (members := _members(old[ident], rule))
        ],
        "moved": [
            {"id": ident, "before": old[ident]["position"], "after": new[ident]["position"]}
            for ident in _moved([ident for ident in old if ident in new], [ident for ident in new if ident in old])
        ],
    }
    return {verb: items for verb, items in found.items() if items}


def _members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The members of a rule that differ. Its position follows from its neighbours, and its id does not decide."""
    return [name for name in after if name not in ("id", "position") and before[name] != after[name]]


def _moved(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """The fewest ids that must move to turn one order into the other: all but a longest ascending run."""
    place = {ident: number for number, ident in enumerate(before)}
    tails: list[int] = []
    lengths: list[int] = []
    for ident in after:
        number = place[ident]
        length = bisect_left(tails, number)
        tails[length : length + 1] = [number]
        lengths.append(length)
    moved: list[int] = []
    wanted, limit = len(tails) - 1, len(before)
    for index in range(len(after) - 1, -1, -1):
        number = place[after[index]]
        if lengths[index] == wanted and number < limit:
            wanted, limit = wanted - 1, number
        else:
            moved.append(after[index])
    return moved[::-1]


def _keyed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "added": {name: value for name, value in after.items() if name not in before},
        "removed": {name: value for name, value in before.items() if name not in after},
        "changed": {
            name: {"before": before[name], "after": value}
            for name, value in after.items()
            if name in before and before[name] != value
        },
    }
    return {verb: items for verb, items in found.items() if items}


__all__ = ["EMPTY", "change_facts", "difference", "summary_of"]
