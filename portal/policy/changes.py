"""What differs between two policies, as people read it: rules as sentences, everything else by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from mesh.policy import Policy
from portal import html
from portal.access.named import pages_of
from portal.policy.words import Pages, rule_name, rule_sentence, selectors_of, side

Words = Callable[[Any], SafeString]

SHOWN: Final = 200
"""How many lines of a block are shown; the others are counted."""

_MEMBERS: Final = {"enabled": "on or off", "protocols": "protocols", "conditions": "conditions", "schedule": "times"}


@dataclass(frozen=True, slots=True)
class Line:
    """One difference. ``mark``: added, removed, changed or moved. ``was`` is what it said before, where it changed."""

    mark: str
    words: SafeString | str
    was: SafeString | str = ""
    note: SafeString | str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """The differences of one part of the policy, and how many more there are."""

    title: str
    lines: tuple[Line, ...]
    more: int = 0


def blocks_of(network_id: int, found: Mapping[str, Any], after: Policy) -> list[Block]:
    """A difference (``acl.difference.difference`` of readable facts) as blocks. ``after`` is the policy it leads to."""
    pages = pages_of(network_id, _named(found))
    makers: dict[str, tuple[str, Callable[[Mapping[str, Any]], Iterator[Line]]]] = {
        "rules": ("Rules", lambda parts: _rules(parts, pages, after)),
        "groups": ("Groups", lambda parts: _keyed(parts, "group:", _group)),
        "hosts": ("Hosts", lambda parts: _keyed(parts, "host:", html.mono)),
        "tags": ("Tags", lambda parts: _keyed(parts, "", lambda owners: _owners(owners, pages))),
        "approvers": ("Auto approvers", lambda parts: _keyed(parts, "", lambda who: side(who, pages))),
        "exit_approvers": ("Exit nodes approved without a person", lambda parts: _texts(parts, pages)),
        "attributes": ("Attributes of nodes", lambda parts: _items(parts, lambda item: _attribute(item, pages))),
        "tests": ("Tests", lambda parts: _items(parts, lambda item: _test(item, pages))),
        "comments": ("Comments", lambda parts: iter([Line("changed", "Comments of groups, hosts or tags changed")])),
    }
    blocks = []
    for section, (title, make) in makers.items():
        if section in found:
            lines = list(make(found[section]))
            blocks.append(Block(title, tuple(lines[:SHOWN]), max(0, len(lines) - SHOWN)))
    return blocks


def _named(found: Mapping[str, Any]) -> set[str]:
    rules = found.get("rules", {})
    said = [*rules.get("added", ()), *rules.get("removed", ())]
    for item in rules.get("changed", ()):
        said += [item["before"], item["after"]]
    return selectors_of(said)


def _rules(parts: Mapping[str, Any], pages: Pages, after: Policy) -> Iterator[Line]:
    for rule in parts.get("added", ()):
        place = format_html('<span class="gw-dim">as rule {}</span> {}', rule["position"], rule_name(rule))
        yield Line("added", rule_sentence(rule, pages), note=place)
    for rule in parts.get("removed", ()):
        place = format_html('<span class="gw-dim">was rule {}</span> {}', rule["position"], rule_name(rule))
        yield Line("removed", rule_sentence(rule, pages), note=place)
    for item in parts.get("changed", ()):
        members = ", ".join(_MEMBERS.get(name, name) for name in item["members"])
        new, old = rule_sentence(item["after"], pages), rule_sentence(item["before"], pages)
        place = format_html(
            '<span class="gw-dim">rule {}: {}</span> {}', item["after"]["position"], members, rule_name(item["after"])
        )
        yield Line("changed", new, "" if new == old else old, place)
    ordered = after.ordered()
    for item in parts.get("moved", ()):
        name = ordered[item["after"] - 1].name if item["after"] <= len(ordered) else ""
        yield Line("moved", format_html("Rule {} becomes rule {}", item["before"], item["after"]), note=name)


def _keyed(parts: Mapping[str, Any], prefix: str, words: Words) -> Iterator[Line]:
    for name, value in parts.get("added", {}).items():
        yield Line("added", format_html("{} {}", html.chip(f"{prefix}{name}"), words(value)))
    for name, value in parts.get("removed", {}).items():
        yield Line("removed", format_html("{} {}", html.chip(f"{prefix}{name}"), words(value)))
    for name, item in parts.get("changed", {}).items():
        new = format_html("{} {}", html.chip(f"{prefix}{name}"), words(item["after"]))
        yield Line("changed", new, words(item["before"]))


def _group(item: Mapping[str, Any]) -> SafeString:
    members = [*(f"user:{name}" for name in item["users"]), *(f"group:{name}" for name in item["groups"])]
    return side(members, {}) if members else html.dim("nobody")


def _owners(owners: Iterable[str], pages: Pages) -> SafeString:
    owners = list(owners)
    return format_html("given by {}", side(owners, pages)) if owners else html.dim("given by whoever manages nodes")


def _texts(parts: Mapping[str, Any], pages: Pages) -> Iterator[Line]:
    before, after = parts["before"], parts["after"]
    for mark, only, other in (("added", after, before), ("removed", before, after)):
        for text in only:
            if text not in other:
                yield Line(mark, side([text], pages))


def _items(parts: Mapping[str, Any], words: Words) -> Iterator[Line]:
    before, after = parts["before"], parts["after"]
    found = [Line("added", words(item)) for item in after if item not in before]
    found += [Line("removed", words(item)) for item in before if item not in after]
    yield from found or [Line("moved", "Put in another order")]


def _attribute(item: Mapping[str, Any], pages: Pages) -> SafeString:
    return format_html("{} {}", side(item["targets"], pages), html.mono(", ".join(item["attributes"])))


def _test(item: Mapping[str, Any], pages: Pages) -> SafeString:
    parts = [html.chip(item["source"])]
    for word, targets in (("reaches", item["accept"]), ("does not reach", item["deny"])):
        if targets:
            parts.append(format_html("{} {}", word, html.mono(", ".join(targets))))
    return format_html("{} " * len(parts), *parts)
