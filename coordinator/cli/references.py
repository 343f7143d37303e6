"""Finds what people name on the command line.

Each raises NotFoundError where there is no such thing, and ConflictError where a name fits several.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from acl.models import AclRule, Group, Host, TagOwner
from mesh.errors import AuthenticationError, ConflictError, NotFoundError
from mesh.names import fqdn
from mesh.tokens import TokenKind, parse_kind
from nodes.models import DnsRecord, Network, Node, RelayRegion, RelayServer, RetiredKey
from nodes.selectors import find_node
from sessions_app.models import ApiToken, AuthKey, Enrolment, NodeSession, User
from sessions_app.peppers import digests_to_look_up
from sessions_app.services.enrolments import live_enrolments, read_code

Row = TypeVar("Row", bound=Model)

_MAX_ID = 2**53


def as_id(reference: str) -> int | None:
    """The id that a reference is, if it is one."""
    if reference.isascii() and reference.isdigit() and len(reference) <= 16:
        number = int(reference)
        return number if number < _MAX_ID else None
    return None


def node_named(network: Network, reference: str) -> Node:
    """A node by id, name, full name or address, in any spelling of the address, with or without its /32 or /128."""
    bare = reference.strip().removesuffix("/32").removesuffix("/128")
    try:
        bare = str(ip_address(bare))
    except ValueError:
        bare = reference.strip()
    return find_node(network.pk, bare)


def user_named(reference: str) -> User:
    """A person by login, or by id where no login reads so."""
    login = reference.strip().removeprefix("user:").lower()
    user = User.objects.filter(username=login).first()
    if user is None and (ident := as_id(login)) is not None:
        user = User.objects.filter(pk=ident).first()
    if user is None:
        raise NotFoundError(f"There is no user {reference!r}.")
    return user


def auth_key_named(network: Network, reference: str) -> AuthKey:
    """An auth key by id, name, the key itself, or how it begins."""
    keys = AuthKey.objects.filter(network=network)
    if _is(reference, TokenKind.AUTH_KEY):
        found = keys.filter(digest__in=digests_to_look_up(reference)).first()
        if found is not None:
            return found
    return _only(keys, _by_id_or(reference, name=reference, hint=reference), "auth key", reference)


def api_token_named(reference: str) -> ApiToken:
    """An API token by id, name, the token itself, or how it begins."""
    tokens = ApiToken.objects.all()
    if _is(reference, TokenKind.API_TOKEN):
        found = tokens.filter(digest__in=digests_to_look_up(reference)).first()
        if found is not None:
            return found
    return _only(tokens, _by_id_or(reference, name=reference, hint=reference), "API key", reference)


def session_named(network: Network, reference: str) -> NodeSession:
    """A session by id, or the active one of a node by the node's name or address."""
    sessions = NodeSession.objects.filter(node__network=network).select_related("node")
    ident = as_id(reference)
    if ident is not None:
        found = sessions.filter(pk=ident).first()
        if found is None:
            raise NotFoundError(f"There is no session {ident}.")
        return found
    node = node_named(network, reference)
    found = sessions.filter(node=node, ended_at=None).first()
    if found is None:
        raise NotFoundError(f"{node.name} has no session.")
    return found


def rule_named(network: Network, reference: str) -> AclRule:
    """A rule by id or name."""
    return _only(AclRule.objects.filter(network=network), _by_id_or(reference, name=reference), "rule", reference)


def group_named(network: Network, reference: str) -> Group:
    """A group by name, with or without ``group:``, or id."""
    name = reference.removeprefix("group:")
    return _only(Group.objects.filter(network=network), _by_id_or(name, name=name), "group", reference)


def host_named(network: Network, reference: str) -> Host:
    """A named host by name, with or without ``host:``, or id."""
    name = reference.removeprefix("host:")
    return _only(Host.objects.filter(network=network), _by_id_or(name, name=name), "host", reference)


def tag_named(network: Network, reference: str) -> TagOwner:
    """A declared tag by name, with or without ``tag:``, or id."""
    name = reference.removeprefix("tag:").lower()
    return _only(TagOwner.objects.filter(network=network), _by_id_or(name, tag=f"tag:{name}"), "tag", reference)


def enrolment_named(network: Network, reference: str, now: datetime) -> Enrolment:
    """A waiting machine by its code, its id, or the hostname that it gives."""
    rows = live_enrolments(now).filter(network=network).select_related("network")
    wanted = [Q(code=read_code(reference) or ""), *_by_id_or(reference, reported__hostname=reference)]
    return _only(rows, wanted, "waiting machine", reference)


def retired_key_named(network: Network, reference: str) -> RetiredKey:
    """A retired key by id, by itself, or by the name that its node had."""
    keys = RetiredKey.objects.filter(network=network)
    return _only(keys, _by_id_or(reference, public_key=reference, node_name_was=reference), "retired key", reference)


def dns_record_named(network: Network, reference: str) -> DnsRecord:
    """A DNS record by id or name, whole or without the network's domain."""
    name = reference.strip().lower().rstrip(".")
    wanted = [*_by_id_or(name, name=name), Q(name=fqdn(name, network.domain))]
    return _only(DnsRecord.objects.filter(network=network), wanted, "DNS record", reference)


def relay_region_named(network: Network, reference: str) -> RelayRegion:
    """A relay region by the number that agents know it by, or by its code."""
    number = as_id(reference)
    wanted = ([] if number is None else [Q(number=number)]) + [Q(code=reference)]
    return _only(RelayRegion.objects.filter(network=network), wanted, "relay region", reference)


def relay_server_named(region: RelayRegion, reference: str) -> RelayServer:
    """A server of a relay region by name."""
    return _only(RelayServer.objects.filter(region=region), [Q(name=reference)], "relay server", reference)


def _is(reference: str, kind: TokenKind) -> bool:
    """Whether somebody gave a whole token."""
    try:
        return parse_kind(reference) is kind
    except AuthenticationError:
        return False


def _by_id_or(reference: str, **names: str) -> list[Q]:
    """What to look for, the surer first: the id, then each name."""
    ident = as_id(reference)
    wanted = [] if ident is None else [Q(pk=ident)]
    return wanted + [Q(**{name: value}) for name, value in names.items() if value]


def _only(rows: QuerySet[Row], wanted: list[Q], noun: str, reference: str) -> Row:
    for condition in wanted:
        found = list(rows.filter(condition).order_by("pk")[:4])
        if len(found) > 1:
            ids = ", ".join(str(row.pk) for row in found[:3]) + (", ..." if len(found) > 3 else "")
            raise ConflictError(f"{reference!r} is the name of several: take an id ({ids}).")
        if found:
            return found[0]
    # Somebody may have pasted a secret: it is not said again.
    shown = "so" if reference.startswith(("gwk_", "gwa_", "gws_")) else repr(reference[:80])
    raise NotFoundError(f"There is no {noun} called {shown}." if shown == "so" else f"There is no {noun} {shown}.")
