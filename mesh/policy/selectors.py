"""Selectors: who or what a rule speaks of, parsed, bound to ids, stored and shown.

A selector has two written forms. People write *names* (``user:ana@example.com``, ``node:web``); what is stored is
*bound* (``user#42``, ``node#17``), so that a newcomer with an old name inherits nothing. All other kinds read the same
in both forms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from mesh.errors import FieldError, ValidationError
from mesh.policy.limits import MAX_NAME, MAX_SELECTORS

Prefix = IPv4Network | IPv6Network


class SelectorKind(StrEnum):
    """What a selector speaks of; the value is its written form or the prefix of it."""

    ANY = "*"
    USER = "user"
    GROUP = "group"
    TAG = "tag"
    NODE = "node"
    HOST = "host"
    PREFIX = "prefix"
    MEMBER = "autogroup:member"
    TAGGED = "autogroup:tagged"
    SELF = "autogroup:self"
    INTERNET = "autogroup:internet"


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector, bound: users and nodes by ``ident``, tags whole (``tag:db``), groups and hosts by bare ``name``."""

    kind: SelectorKind
    name: str = ""
    ident: int = 0
    prefix: Prefix | None = None

    def __str__(self) -> str:
        return format_stored(self)


ANY: Final = Selector(SelectorKind.ANY)
MEMBER: Final = Selector(SelectorKind.MEMBER)
TAGGED: Final = Selector(SelectorKind.TAGGED)
SELF: Final = Selector(SelectorKind.SELF)
INTERNET: Final = Selector(SelectorKind.INTERNET)

FIXED: Final[Mapping[str, Selector]] = {
    "*": ANY,
    "autogroup:member": MEMBER,
    "autogroup:members": MEMBER,
    "autogroup:tagged": TAGGED,
    "autogroup:self": SELF,
    "autogroup:internet": INTERNET,
}

DESTINATION_ONLY: Final = frozenset({SelectorKind.SELF, SelectorKind.INTERNET})
_BOUND: Final = ("user#", "node#")
ADDRESS_KINDS: Final = frozenset({SelectorKind.PREFIX, SelectorKind.HOST})


@dataclass(frozen=True, slots=True)
class Names:
    """What names exist, for binding what people write: ``users`` by login (and by any other name they go by).

    ``vanished`` is gone and may be named all the same: users and nodes in the bound form, which no newcomer gets.
    """

    users: Mapping[str, int] = field(default_factory=dict)
    nodes: Mapping[str, int] = field(default_factory=dict)
    groups: Collection[str] = frozenset()
    hosts: Collection[str] = frozenset()
    tags: Collection[str] = frozenset()
    vanished: Collection[Selector] = frozenset()


@dataclass(frozen=True, slots=True)
class Labels:
    """The other way round: the login of each user and the name of each node, for showing bound selectors."""

    users: Mapping[int, str] = field(default_factory=dict)
    nodes: Mapping[int, str] = field(default_factory=dict)


def user(ident: int) -> Selector:
    """The selector of the user with this id."""
    return Selector(SelectorKind.USER, ident=ident)


def node(ident: int) -> Selector:
    """The selector of the node with this id."""
    return Selector(SelectorKind.NODE, ident=ident)


def group(name: str) -> Selector:
    """The selector of the group with this bare name."""
    return Selector(SelectorKind.GROUP, name=name)


def host(name: str) -> Selector:
    """The selector of the named host with this bare name."""
    return Selector(SelectorKind.HOST, name=name)


def tag(name: str) -> Selector:
    """The selector of a tag, given whole (``tag:db``)."""
    return Selector(SelectorKind.TAG, name=name)


def prefix(network: Prefix) -> Selector:
    """The selector of an address or a CIDR."""
    return Selector(SelectorKind.PREFIX, prefix=network)


def is_name(text: str) -> bool:
    """Whether ``text`` may name a group, host or (after ``tag:``) a tag: ASCII letters, digits, ``-_.``; 63 at most."""
    return (
        0 < len(text) <= MAX_NAME
        and text.isascii()
        and (text[0].isalnum())
        and all(character.isalnum() or character in "-_." for character in text)
    )


def parse_prefix(text: str) -> Prefix:
    """Read an address or CIDR with no host bits set; an address becomes /32 or /128.

    Raises ValidationError for anything else, IPv6 zones, netmasks and IPv4-mapped IPv6 included: each would be a
    second spelling of something that already has one.
    """
    address, slash, length = text.partition("/")
    if slash and not (length.isascii() and length.isdigit() and len(length) <= 3):
        raise ValidationError(f"“{text}” is not an address or a CIDR")
    if "%" in address:
        raise ValidationError(f"“{text}”: an address with a zone cannot be reached through the mesh")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValidationError(f"“{text}” is not an address or a CIDR") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        raise ValidationError(f"“{text}”: write the IPv4 address instead of its IPv6-mapped form")
    if slash and ip_network(f"{address}") != ip_network(f"{network.network_address}"):
        raise ValidationError(f"“{text}” has bits set beyond its length; did you mean {network}?")
    return network


def format_prefix(network: Prefix) -> str:
    """A prefix as people write it: a single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def parse_selector(text: str, names: Names) -> Selector:
    """Read what a person wrote and bind it. Raises ValidationError, saying what is wrong or does not exist."""
    text = text.strip()
    if fixed := FIXED.get(text):
        return fixed
    if text.startswith(_BOUND):
        return _parse_vanished(text, names)
    kind, colon, rest = text.partition(":")
    if colon and (named := _parse_named(kind, rest, names)):
        return named
    if "@" in text:
        return user(_known(names.users, text, "user"))
    if text and (text[0].isdigit() or ":" in text or "/" in text):
        try:
            return prefix(parse_prefix(text))  # an address always means itself, whatever hosts are named
        except ValidationError:
            if text not in names.hosts:
                raise
    if text in names.hosts:
        return host(text)
    if text in names.nodes:
        raise ValidationError(f"“{text}” is a node: write node:{text}")
    raise ValidationError(f"“{text}” is no selector and no named host" if text else "a selector is empty")


def _parse_named(kind: str, name: str, names: Names) -> Selector | None:
    """The selector that ``kind:name`` is, if ``kind`` says what it names."""
    match kind:
        case "user":
            return user(_known(names.users, name, "user"))
        case "node":
            return node(_known(names.nodes, name, "node"))
        case "group":
            found = group(name)
            return found if found in names.vanished else group(_exists(names.groups, name, name, "group"))
        case "host":
            found = host(name)
            return found if found in names.vanished else host(_exists(names.hosts, name, name, "host"))
        case "tag":
            found = tag(f"tag:{name}")
            return found if found in names.vanished else tag(_exists(names.tags, f"tag:{name}", name, "tag"))
        case "autogroup":
            known = ", ".join(fixed for fixed in FIXED if ":" in fixed)
            raise ValidationError(f"there is no “autogroup:{name}”; known are {known}")
        case _:
            return None


def _parse_vanished(text: str, names: Names) -> Selector:
    found = parse_stored(text)
    if found not in names.vanished:
        raise ValidationError(f"“{text}” is no selector here: write {found.kind}:NAME")
    return found


def _known(table: Mapping[str, int], name: str, noun: str) -> int:
    ident = table.get(name)
    if ident is None:
        raise ValidationError(f"there is no {noun} “{name}”")
    return ident


def _exists(table: Collection[str], key: str, name: str, noun: str) -> str:
    if not is_name(name):
        raise ValidationError(f"“{name}” cannot be the name of a {noun}")
    if key not in table:
        raise ValidationError(f"there is no {noun} “{name}”")
    return key


def parse_selectors(texts: Iterable[str], names: Names, *, field_name: str) -> tuple[Selector, ...]:
    """Read a list of selectors, doubles dropped, order kept.

    Raises one ValidationError whose ``errors`` name each bad selector by position: ``sources.2``.
    """
    found: dict[Selector, None] = {}
    errors: list[FieldError] = []
    for position, text in enumerate(texts):
        if position >= MAX_SELECTORS:
            errors.append(FieldError(field_name, f"at most {MAX_SELECTORS} selectors"))
            break
        try:
            found[parse_selector(text, names)] = None
        except ValidationError as error:
            errors.append(FieldError(f"{field_name}.{position}", error.detail))
    if not found and not errors:
        errors.append(FieldError(field_name, "at least one selector is needed"))
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))
    return tuple(found)


def parse_stored(text: str) -> Selector:
    """Read the bound form that is stored. Raises ValidationError: what is stored never came from anywhere else."""
    if fixed := FIXED.get(text):
        return fixed
    for mark, make in zip(_BOUND, (user, node), strict=True):
        if text.startswith(mark):
            digits = text[len(mark) :]
            if digits.isascii() and digits.isdigit() and len(digits) <= 16:
                return make(int(digits))
            raise ValidationError(f"“{text}” is not a stored selector")
    kind, colon, rest = text.partition(":")
    if colon and kind == "group":
        return group(rest)
    if colon and kind == "host":
        return host(rest)
    if colon and kind == "tag":
        return tag(text)
    return prefix(parse_prefix(text))


def format_stored(selector: Selector) -> str:
    """The bound form that is stored; ``parse_stored`` reads it back to an equal value."""
    match selector.kind:
        case SelectorKind.USER | SelectorKind.NODE:
            return f"{selector.kind}#{selector.ident}"
        case SelectorKind.GROUP | SelectorKind.HOST:
            return f"{selector.kind}:{selector.name}"
        case SelectorKind.TAG:
            return selector.name
        case SelectorKind.PREFIX:
            return str(selector.prefix)
        case _:
            return str(selector.kind)


def format_selector(selector: Selector, labels: Labels) -> str:
    """The form that people read and may write again. What has vanished shows as its bound form."""
    match selector.kind:
        case SelectorKind.USER if name := labels.users.get(selector.ident):
            return f"user:{name}"
        case SelectorKind.NODE if name := labels.nodes.get(selector.ident):
            return f"node:{name}"
        case SelectorKind.PREFIX:
            assert selector.prefix is not None
            return format_prefix(selector.prefix)
        case _:
            return format_stored(selector)
