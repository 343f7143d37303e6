"""What a policy would take from whoever proposes it: people lock themselves out, and notice when it is too late."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from django.http import HttpRequest

from coordinator.policy.activation import Assessment
from coordinator.requests import origin_of
from mesh.compile import CompiledPolicy
from mesh.errors import GhostWireError, NotFoundError
from mesh.explain.flow import Point, explain
from mesh.policy import parse_protocol
from mesh.policy.facts import Address, Prefix
from nodes.models import Network
from nodes.selectors import find_node

NAMED: Final = 4
"""How many lost peers of a machine are named."""

LISTED: Final = 20
"""How many machines are listed, those that lose most first."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the person, the address that the request comes from, and where it found this portal (host, port)."""

    user_id: int | None
    address: str = ""
    portal: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class OwnMachine:
    """A machine of the asker's that loses ``lost`` of ``peers`` peers, the first of them as (id, name). ``here``: the
    request comes from it."""

    node_id: int
    name: str
    here: bool
    peers: int
    lost: int
    first_lost: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class OwnLosses:
    """``machines``: the asker's that lose a peer. ``portal``: from where the request comes, this portal is reached
    through the mesh, and would not be any more."""

    machines: tuple[OwnMachine, ...] = ()
    portal: bool = False

    def __bool__(self) -> bool:
        return self.portal or bool(self.machines)


def asker_of(request: HttpRequest, *, user_id: int | None) -> Asker:
    """Who asks by this request."""
    host, _, port = request.get_host().rpartition(":")
    if not host or "]" in port:
        host, port = request.get_host(), ""
    return Asker(user_id, origin_of(request), (host.strip("[]"), int(port or (443 if request.is_secure() else 80))))


def own_losses(*, network: Network, assessment: Assessment, asker: Asker) -> OwnLosses:
    """What the asker's own machines, and the one that the request comes from, would lose by a policy.

    Tagged machines belong to nobody: they count where the request comes from one.
    """
    before, after = assessment.before, assessment.after
    here = _here(before, asker.address)
    wanted = dict.fromkeys(before.world.of(asker.user_id) if asker.user_id is not None else ())
    if here is not None:
        wanted[here] = None
    found = [machine for node_id in wanted if (machine := _machine(before, after, node_id, here)) is not None]
    found.sort(key=lambda item: (not item.here, -item.lost, item.name))
    return OwnLosses(tuple(found[:LISTED]), _loses_portal(network, before, after, asker))


def _machine(before: CompiledPolicy, after: CompiledPolicy, node_id: int, here: int | None) -> OwnMachine | None:
    node = before.node(node_id)
    if node is None or after.node(node_id) is None:
        return None
    present = before.peer_ids(node_id)
    lost = present - after.peer_ids(node_id)
    if not lost:
        return None
    first = [before.node(ident) for ident in list(lost[:NAMED])]
    named = tuple((peer.id, peer.name) for peer in first if peer is not None)
    return OwnMachine(node_id, node.name, node_id == here, len(present), len(lost), named)


def _here(compiled: CompiledPolicy, text: str) -> int | None:
    """The node that has the address ``text``."""
    address = _address(text)
    if address is None:
        return None
    for ident in compiled.world.inside(_single(address)):
        return ident
    return None


def _loses_portal(network: Network, before: CompiledPolicy, after: CompiledPolicy, asker: Asker) -> bool:
    source = _address(asker.address)
    if source is None or asker.portal is None:
        return False
    host, port = asker.portal
    target = _portal(network, host)
    return target is not None and _reaches(before, source, target, port) and not _reaches(after, source, target, port)


def _portal(network: Network, host: str) -> Point | None:
    address = _address(host)
    if address is not None:
        return address
    if not host.lower().rstrip(".").endswith(f".{network.domain}"):
        return None
    try:
        return find_node(network.pk, host).pk
    except NotFoundError:
        return None


def _reaches(compiled: CompiledPolicy, source: Address, target: Point, port: int) -> bool:
    try:
        return explain(compiled, source, target, protocol=parse_protocol("tcp"), port=port).accepted
    except GhostWireError:
        return False  # one end takes no part, or both are the same machine: nothing to lose there


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _single(address: Address) -> Prefix:
    return ip_network(address)
