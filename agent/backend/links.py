"""Links, addresses and routes through rtnetlink."""

from __future__ import annotations

import errno
import ipaddress
import logging
import re
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from agent.backend.base import MTU
from agent.errors import BackendError, InterfaceTakenError
from agent.netmap import Prefix
from agent.paths import Interface, LocalNetworks

_IFA_F_NODAD: Final = 0x02  # nobody else can have the address: it came from the portal's pool
_IFA_F_DEPRECATED: Final = 0x20
_IFA_F_TENTATIVE: Final = 0x40
_IFF_UP: Final = 0x1
_IFF_LOOPBACK: Final = 0x8
_ARPHRD_NONE: Final = 65534  # tun and WireGuard devices: other tunnels
_SCOPE_LINK: Final = 253
# Bridges and pairs of container engines: each host has the same addresses there, and nobody reaches them from outside.
_CONTAINER_LINK: Final = re.compile(r"(docker|podman|virbr|lxc|lxd|cni|flannel|cali|vxlan|kube)|br-[0-9a-f]{12}$")
_log = logging.getLogger(__name__)


def index_of(route: IPRoute, interface: str) -> int:
    """The interface's index.

    :raises BackendError: if it is not there
    """
    found = route.link_lookup(ifname=interface)
    if not found:
        raise BackendError(f"The interface {interface} is gone.")
    return int(found[0])


def exists(interface: str) -> bool:
    """Whether the machine has an interface of this name."""
    with IPRoute() as route:
        return bool(route.link_lookup(ifname=interface))


def add_wireguard(interface: str) -> None:
    """Make an interface of the kernel's WireGuard.

    :raises InterfaceTakenError: if the name is taken
    :raises BackendError: if the kernel has none, or this process may not
    """
    try:
        with IPRoute() as route:
            route.link("add", ifname=interface, kind="wireguard")
    except NetlinkError as error:
        if error.code == errno.EEXIST:
            raise InterfaceTakenError(f"The interface {interface} is there already.") from error
        raise BackendError(f"The kernel did not make a WireGuard interface: {_reason(error)}.") from error


def remove(interface: str) -> None:
    """Take an interface away, if it is there."""
    with IPRoute() as route:
        for index in route.link_lookup(ifname=interface):
            try:
                route.link("del", index=index)
            except NetlinkError as error:
                if error.code != errno.ENODEV:
                    raise BackendError(f"{interface} could not be removed: {_reason(error)}.") from error


def bring_up(interface: str) -> None:
    """Set the MTU and bring the interface up.

    :raises BackendError: if the machine refuses
    """
    try:
        with IPRoute() as route:
            route.link("set", index=index_of(route, interface), mtu=MTU, state="up")
    except NetlinkError as error:
        raise BackendError(f"{interface} could not be brought up: {_reason(error)}.") from error


def change_addresses(interface: str, *, remove: list[Prefix], add: list[Prefix]) -> None:
    """Change the interface's addresses. IPv6 addresses are passed over where the machine has IPv6 switched off.

    :raises BackendError: if the machine refuses
    """
    with IPRoute() as route:
        index = index_of(route, interface)
        for verb, prefixes in (("del", remove), ("add", add)):
            for prefix in prefixes:
                flags = {"flags": _IFA_F_NODAD} if prefix.version == 6 and verb == "add" else {}
                address = str(prefix.network_address)
                try:
                    route.addr(verb, index=index, address=address, prefixlen=prefix.prefixlen, **flags)
                except NetlinkError as error:
                    _tolerate(error, prefix, verb)


def change_routes(interface: str, *, remove: list[Prefix], add: list[Prefix]) -> list[Prefix]:
    """Change what is routed into the interface.

    Returns the prefixes that the machine already routes elsewhere: those stay as they are, since a map may not take
    the local network away from a machine.

    :raises BackendError: if the machine refuses
    """
    taken: list[Prefix] = []
    with IPRoute() as route:
        index = index_of(route, interface)
        for verb, prefixes in (("del", remove), ("add", add)):
            for prefix in prefixes:
                # A scope means something to IPv4 alone; without it the kernel asks for a gateway on another link.
                scope = {"scope": _SCOPE_LINK} if prefix.version == 4 else {}
                try:
                    route.route(verb, dst=str(prefix), oif=index, **scope)
                except NetlinkError as error:
                    if verb == "add" and error.code == errno.EEXIST:
                        taken.append(prefix)
                    else:
                        _tolerate(error, prefix, verb)
    return taken


def local_networks() -> LocalNetworks:
    """The machine's addresses that other machines might reach: no loopback, link-local, tunnel or container address."""
    with IPRoute() as route:
        usable = {link["index"] for link in route.get_links() if _is_outward(link)}
        found: list[Interface] = []
        for message in route.get_addr():
            flags = message.get("flags") or 0
            if message["index"] not in usable or flags & (_IFA_F_DEPRECATED | _IFA_F_TENTATIVE):
                continue
            # On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL this one.
            text = message.get("local") or message.get("address")
            if not text:
                continue
            interface = ipaddress.ip_interface(f"{text}/{message['prefixlen']}")
            address = interface.ip
            if not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified):
                found.append(interface)
    return LocalNetworks(tuple(dict.fromkeys(found)))


def _is_outward(link: Any) -> bool:
    up = bool(link["flags"] & _IFF_UP) and not link["flags"] & _IFF_LOOPBACK
    return up and link["ifi_type"] != _ARPHRD_NONE and not _CONTAINER_LINK.match(link.get("ifname") or "")


def _tolerate(error: NetlinkError, prefix: Prefix, verb: str) -> None:
    """Let pass what is already as it should be, and IPv6 on a machine without it."""
    if verb == "add" and error.code == errno.EEXIST:
        return
    if verb == "del" and error.code in (errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENODEV):
        return
    if prefix.version == 6 and error.code in (errno.EACCES, errno.EPERM, errno.EOPNOTSUPP, errno.EAFNOSUPPORT):
        _log.warning("%s is left out: IPv6 is switched off on this machine", prefix)
        return
    raise BackendError(f"{prefix} could not be {'added' if verb == 'add' else 'removed'}: {_reason(error)}.") from error


def _reason(error: NetlinkError) -> str:
    if error.code == errno.EPERM:
        return "the agent needs root, or the capability CAP_NET_ADMIN"
    if error.code == errno.EOPNOTSUPP:
        return "it has no WireGuard module"
    return errno.errorcode.get(error.code, str(error.code))
