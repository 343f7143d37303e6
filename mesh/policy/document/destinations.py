"""Destinations with ports, as ``acls`` and ``tests`` write them: ``tag:db:5432``, ``*:*``, ``[fd00::1]:22,80-90``."""

from __future__ import annotations

from mesh.errors import ValidationError
from mesh.policy.selectors import Names, Selector, SelectorKind, format_prefix, parse_selector
from mesh.policy.services import PortRange, format_ports, parse_ports


def parse_destination(text: str, names: Names) -> tuple[Selector, tuple[PortRange, ...]]:
    """The selector and its ports, empty for any. Raises ValidationError where either is wrong or missing.

    What stands behind the last colon are ports; an IPv6 address may stand in brackets, with its length inside or
    behind them.
    """
    text = text.strip()
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        length, colon, ports = rest.partition(":")
        if not bracket or not colon or (length and not length.startswith("/")):
            raise ValidationError(f"“{text}”: write an IPv6 destination as [fd00::1]:22 or [fd00::/64]:22")
        name = inner + length
        if ":" not in name:
            raise ValidationError(f"“{text}”: only IPv6 addresses stand in brackets")
    else:
        name, colon, ports = text.rpartition(":")
        if not colon:
            raise ValidationError(f"“{text}” has no ports; write {text}:* for any, or {text}:22,80-90")
    try:
        ranges = parse_ports(ports)
    except ValidationError as error:
        if text.rpartition(":")[0] in ("user", "group", "tag", "node", "host", "autogroup"):
            raise ValidationError(f"“{text}” has no ports; write {text}:* for any, or {text}:22,80-90") from None
        raise ValidationError(f"“{text}”: {error.detail}") from None
    return parse_selector(name, names), ranges


def format_destination(written: str, selector: Selector, ports: tuple[PortRange, ...]) -> str:
    """The other way round; ``written`` is the selector as text."""
    if selector.kind is SelectorKind.PREFIX and selector.prefix is not None and selector.prefix.version == 6:
        written = f"[{format_prefix(selector.prefix)}]"
    return f"{written}:{format_ports(ports)}"
