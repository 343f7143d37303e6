"""``acls`` and ``grants``: entries read as rules.

The format gives each destination its own ports; a rule has one list of ports. An entry with several makes as many
rules, one behind the other: of the same action, so that their order decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mesh.errors import ValidationError
from mesh.policy.conditions import Condition, conditions_from_json
from mesh.policy.document.destinations import parse_destination
from mesh.policy.document.postures import Postures, read_source_posture
from mesh.policy.document.reading import At
from mesh.policy.rules import Action, Rule, check_rule
from mesh.policy.schedule import Schedule, schedule_from_json
from mesh.policy.selectors import Names, Selector, parse_selector
from mesh.policy.services import PORT_PROTOCOLS, PortRange, format_protocol, merge_ports, parse_ports, parse_protocol

_ACL: Final = ("action", "proto", "src", "dst", "srcPosture", "ghostwire")
_GRANT: Final = ("src", "dst", "ip", "srcPosture", "ghostwire")
_EXTRAS: Final = ("name", "enabled", "comment", "schedule", "conditions", "protocols")
_OLD_NAMES: Final = {"users": "write src", "ports": "write dst", "allow": "write accept"}
_GRANT_ONLY: Final = {"app": "grants give network access alone", "via": "routers are found by their routes"}

Ports = tuple[PortRange, ...]
Services = tuple[tuple[int, ...], Ports]
"""Protocols and ports of a rule."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What the format cannot say of a rule."""

    name: str = ""
    comment: str = ""
    enabled: bool = True
    schedule: Schedule | None = None
    conditions: tuple[Condition, ...] = ()
    protocols: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one rule of an entry says of destinations, with where each was written."""

    services: Services
    destinations: dict[Selector, At]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the entries of one document."""

    names: Names
    postures: Postures
    default_posture: list[tuple[Condition, ...]]

    def acl(self, at: At) -> list[Rule]:
        """The rules of one entry of ``acls``."""
        before = len(at.faults.found)
        members = at.members(_ACL, _OLD_NAMES)
        action = self._action(at, members)
        extras = read_extras(members.get("ghostwire"))
        protocols = self._protocols(members, extras)
        parts: dict[Ports, dict[Selector, At]] = {}
        if "dst" in members:
            for item, text in members["dst"].texts():
                found = item.attempt(parse_destination, text, self.names)
                if found is not None:
                    parts.setdefault(found[1], {}).setdefault(found[0], item)
        else:
            at.fault("dst is missing")
        rules = self._rules(
            at, members, action, extras, [_Part((protocols, ports), found) for ports, found in parts.items()]
        )
        _check_sides(at, members, before)
        return rules

    def grant(self, at: At) -> list[Rule]:
        """The rules of one entry of ``grants``: always accepts."""
        before = len(at.faults.found)
        members = at.members(_GRANT, _GRANT_ONLY)
        extras = read_extras(members.get("ghostwire"))
        destinations = self._selectors(at, members, "dst")
        services: dict[tuple[int, ...], list[Ports]] = {}
        if "ip" in members:
            for item, text in members["ip"].texts():
                found = item.attempt(parse_service, text)
                if found is not None:
                    services.setdefault(found[0], []).append(found[1])
            if not members["ip"].items() and isinstance(members["ip"].value.value, list):
                members["ip"].fault("a grant names at least one port or protocol")
        else:
            at.fault("ip is missing")
        parts = [_Part((protocols, _union(ports)), destinations) for protocols, ports in services.items()]
        rules = self._rules(at, members, Action.ACCEPT, extras, parts)
        _check_sides(at, members, before)
        return rules

    def _action(self, at: At, members: Mapping[str, At]) -> Action:
        if "action" not in members:
            at.fault("action is missing: accept or deny")
        elif (text := members["action"].text()) is not None:
            if text in ("accept", "deny"):
                return Action(text)
            members["action"].fault(f"there is no action “{text}”: accept or deny")
        return Action.ACCEPT

    def _protocols(self, members: Mapping[str, At], extras: Extras) -> tuple[int, ...]:
        if "proto" not in members:
            return extras.protocols
        proto = members["proto"]
        if extras.protocols:
            proto.fault("proto and ghostwire.protocols are two ways to say one thing: keep one")
        written = proto.value.value
        if written == "":
            return ()
        if isinstance(written, str | int) and not isinstance(written, bool):
            number = proto.attempt(parse_protocol, written)
            return () if number is None else (number,)
        proto.fault("a protocol is a name or a number 1-255")
        return ()

    def _selectors(self, at: At, members: Mapping[str, At], side: str) -> dict[Selector, At]:
        if side not in members:
            at.fault(f"{side} is missing")
            return {}
        found: dict[Selector, At] = {}
        for item, text in members[side].texts():
            selector = item.attempt(parse_selector, text, self.names)
            if selector is not None:
                found.setdefault(selector, item)
        return found

    def _rules(
        self, at: At, members: Mapping[str, At], action: Action, extras: Extras, parts: list[_Part]
    ) -> list[Rule]:
        sources = self._selectors(at, members, "src")
        postures = self.default_posture
        if "srcPosture" in members:
            postures = read_source_posture(members["srcPosture"], self.postures)
        rules = []
        for part in parts:
            for posture in postures or [()]:
                rule = Rule(
                    0,
                    0,
                    action,
                    tuple(sources),
                    tuple(part.destinations),
                    *part.services,
                    extras.schedule,
                    tuple(dict.fromkeys((*extras.conditions, *posture))),
                    extras.enabled,
                    extras.name,
                    extras.comment,
                )
                _check(rule, at, list(sources.values()), list(part.destinations.values()))
                rules.append(rule)
        return rules


def _check_sides(at: At, members: Mapping[str, At], before: int) -> None:
    """Note a side without a selector, in an entry without any other fault since there were ``before``."""
    if len(at.faults.found) > before:
        return
    for side in ("src", "dst"):
        if side in members and members[side].value.value == []:
            members[side].fault("at least one selector is needed")


def _check(rule: Rule, at: At, sources: list[At], destinations: list[At]) -> None:
    """Note what is wrong with a rule at the selector that is at fault, else at its entry."""
    for error in check_rule(rule):
        member, _, position = error.field.partition(".")
        written = {"sources": sources, "destinations": destinations}.get(member, [])
        if position:
            written[int(position)].fault(error.message)
        elif written or member not in ("sources", "destinations"):
            at.fault(error.message)


def _union(ports: list[Ports]) -> Ports:
    return merge_ports(item for ranges in ports for item in ranges) if all(ports) else ()


def parse_service(text: str) -> Services:
    """Read one item of a grant's ``ip``: ``*``, ``22``, ``80-90``, ``tcp:443``, ``icmp:*``.

    Ports without a protocol are those of TCP and UDP, and let ping through as well. Raises ValidationError.
    """
    protocol, colon, ports = text.strip().rpartition(":")
    if not colon:
        return (), parse_ports(ports)
    number = parse_protocol(protocol)
    ranges = parse_ports(ports)
    if ranges and number not in PORT_PROTOCOLS:
        raise ValidationError(f"“{text}”: {format_protocol(number)} has no ports; write {format_protocol(number)}:*")
    return (number,), ranges


def read_extras(at: At | None) -> Extras:
    """Read an entry's member ``ghostwire``."""
    if at is None:
        return Extras()
    members = at.members(_EXTRAS)
    values: dict[str, Any] = {}
    for name in ("name", "comment"):
        if name in members and (text := members[name].text()) is not None:
            values[name] = text
    if "enabled" in members:
        if isinstance(members["enabled"].value.value, bool):
            values["enabled"] = members["enabled"].value.value
        else:
            members["enabled"].fault("true or false is needed here")
    if "schedule" in members:
        schedule = members["schedule"]
        values["schedule"] = schedule.attempt(schedule_from_json, schedule.plain())
    if "conditions" in members:
        conditions = members["conditions"]
        values["conditions"] = conditions.attempt(conditions_from_json, conditions.plain()) or ()
    if "protocols" in members:
        numbers = [
            number
            for item in members["protocols"].items()
            if (written := item.scalar()) is not None and (number := item.attempt(_protocol, written)) is not None
        ]
        values["protocols"] = tuple(sorted(set(numbers)))
    return Extras(**values)


def _protocol(written: object) -> int:
    if isinstance(written, bool) or not isinstance(written, str | int):
        raise ValidationError("a protocol is a name or a number 1-255")
    return parse_protocol(written)
