"""A network's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from django.db import transaction

from mesh.addressing import parse_exclusions, parse_range
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, ValidationError
from mesh.names import validate_domain
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import Address, DnsRecord, Network, Node
from nodes.services.addresses import complete_addresses

SETTINGS: Final = (
    "domain",
    "ipv4_range",
    "ipv6_range",
    "excluded",
    "keepalive_seconds",
    "grace_seconds",
    "lease_seconds",
    "quarantine_seconds",
    "max_peers",
    "key_rotation_seconds",
    "approve_nodes",
    "magic_dns",
    "nameservers",
    "split_dns",
    "search_domains",
)
_BOUNDS: Final = {
    "keepalive_seconds": (1, 86_400),
    "grace_seconds": (0, 86_400),
    "lease_seconds": (60, 31_536_000),
    "quarantine_seconds": (60, 315_360_000),
    "max_peers": (1, 1_000_000),
    "key_rotation_seconds": (0, 315_360_000),
}


@transaction.atomic
def update_network(*, network_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime) -> Network:
    """Changes settings of a network, by the names in ``SETTINGS``. What equals the present is no change.

    Raises NotFoundError, ValidationError naming the setting, ConflictError for a domain of another network or a range
    that addresses in use or in quarantine depend on.
    """
    network = lock_network(network_id)
    had_ipv6 = network.ipv6_range is not None
    if write_settings(network=network, changes=changes):
        facts = network_facts(network.pk)
        record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=cause, now=now)
        if network.ipv6_range is not None and not had_ipv6:
            # A small network is done with that. In a large one a periodic task goes on, batch by batch.
            complete_addresses(network_id=network.pk, cause=cause, now=now)
            network.refresh_from_db()
    return network


def write_settings(*, network: Network, changes: Mapping[str, Any]) -> bool:
    """Puts settings on a locked or new network, in normal form, and saves it; returns whether anything differs."""
    before = {name: getattr(network, name) for name in SETTINGS}
    after = before | _normal(before | dict(changes), set(changes))
    if after == before and network.pk is not None:
        return False
    if Network.objects.filter(domain=after["domain"]).exclude(pk=network.pk or 0).exists():
        raise ConflictError(f"The domain {after['domain']} belongs to another network.")
    if network.pk is not None:
        _check_ranges_free(network, before, after)
        if after["domain"] != before["domain"]:
            _check_names_free(network, after["domain"])
    for name, value in after.items():
        setattr(network, name, value)
    if after["excluded"] != before["excluded"] or after["ipv4_range"] != before["ipv4_range"]:
        # What was excluded lies below the cursor and has no row: the next allocations look from the start again.
        network.ipv4_cursor, network.ipv6_cursor = 0, "0"
    if after["ipv6_range"] != before["ipv6_range"]:
        network.ipv6_cursor = "0"
    network.save()
    return True


def _normal(settings: Mapping[str, Any], given: set[str]) -> dict[str, Any]:
    """The given settings as they are kept. Raises ValidationError naming each one at fault."""
    errors = [FieldError(name, "There is no such setting.") for name in sorted(given - set(SETTINGS))]
    normal: dict[str, Any] = {}
    for name in given & set(SETTINGS):
        try:
            normal[name] = _READERS[name](settings[name]) if name in _READERS else settings[name]
        except ValidationError as error:
            errors.append(FieldError(name, error.detail))
    for name in given & set(_BOUNDS):
        least, most = _BOUNDS[name]
        if not least <= settings[name] <= most:
            errors.append(FieldError(name, f"From {least} to {most}."))
    if settings["quarantine_seconds"] < settings["lease_seconds"]:
        errors.append(FieldError("quarantine_seconds", "An address rests at least as long as the lease."))
    if errors:
        raise ValidationError(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    return normal


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValidationError(f"{text!r} is not an IP address.") from error


def _excluded(texts: list[str]) -> list[str]:
    parse_exclusions(texts, family=4)  # of either family
    return list(texts)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "domain": validate_domain,
    "ipv4_range": lambda text: str(parse_range(text, family=4)),
    "ipv6_range": lambda text: str(parse_range(text, family=6)) if text else None,
    "excluded": _excluded,
    "nameservers": lambda texts: [_address(text) for text in texts],
    "split_dns": lambda table: {
        validate_domain(domain): [_address(text) for text in servers] for domain, servers in table.items()
    },
    "search_domains": lambda texts: [validate_domain(text) for text in texts],
}


def _check_names_free(network: Network, domain: str) -> None:
    """A name must not lead to a node and to what a DNS record says. Raises ConflictError naming those that would."""
    records = DnsRecord.objects.filter(network=network, name__endswith=f".{domain}").order_by()
    labels = {name.removesuffix(f".{domain}") for name in records.values_list("name", flat=True)}
    taken = sorted(Node.objects.filter(network=network, name__in=labels).order_by().values_list("name", flat=True))
    if taken:
        names = ", ".join(f"{name}.{domain}" for name in taken[:5])
        raise ConflictError(f"Under {domain} DNS records would have the names of nodes: {names}.")


def _check_ranges_free(network: Network, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for name, family in (("ipv4_range", 4), ("ipv6_range", 6)):
        if after[name] != before[name] and Address.objects.filter(network=network, family=family).exists():
            raise ConflictError(f"{name} cannot change: addresses of {before[name]} are in use or in quarantine.")
