"""A network's settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from mesh.addressing import parse_exclusions, parse_range
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, ValidationError
from mesh.names import validate_domain
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import Address, Network

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
    "magic_dns",
    "nameservers",
    "split_dns",
    "search_domains",
)


@transaction.atomic
def update_network(*, network_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime) -> Network:
    """Changes settings of a network, by the names in ``SETTINGS``. What equals the present is no change.

    Raises NotFoundError, ValidationError naming the setting, ConflictError for a range that addresses in use or in
    quarantine depend on.
    """
    network = lock_network(network_id)
    if write_settings(network=network, changes=changes):
        facts = network_facts(network.pk)
        record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=cause, now=now)
    return network


def write_settings(*, network: Network, changes: Mapping[str, Any]) -> bool:
    """Puts settings on a locked or new network and saves it; returns whether anything differs."""
    errors = [FieldError(name, "There is no such setting.") for name in changes if name not in SETTINGS]
    before = {name: getattr(network, name) for name in SETTINGS}
    after = before | {name: value for name, value in changes.items() if name in SETTINGS}
    errors += _check(after)
    if errors:
        raise ValidationError(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    if after == before and network.pk is not None:
        return False
    if network.pk is not None:
        _check_ranges_free(network, before, after)
    for name, value in after.items():
        setattr(network, name, value)
    if after["excluded"] != before["excluded"] or after["ipv4_range"] != before["ipv4_range"]:
        # What was excluded lies below the cursor and has no row: the next allocations look from the start again.
        network.ipv4_cursor, network.ipv6_cursor = 0, "0"
    if after["ipv6_range"] != before["ipv6_range"]:
        network.ipv6_cursor = "0"
    network.save()
    return True


def _check(settings: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []

    def check(name: str, action: Any) -> None:
        try:
            action()
        except ValidationError as error:
            errors.append(FieldError(name, error.detail))

    check("domain", lambda: validate_domain(settings["domain"]))
    check("ipv4_range", lambda: parse_range(settings["ipv4_range"], family=4))
    if settings["ipv6_range"]:
        check("ipv6_range", lambda: parse_range(settings["ipv6_range"], family=6))
    check("excluded", lambda: [parse_exclusions(settings["excluded"], family=family) for family in (4, 6)])
    if settings["quarantine_seconds"] < settings["lease_seconds"]:
        errors.append(FieldError("quarantine_seconds", "An address rests at least as long as the lease."))
    for name, least in (("keepalive_seconds", 1), ("grace_seconds", 0), ("lease_seconds", 60), ("max_peers", 1)):
        if settings[name] < least:
            errors.append(FieldError(name, f"At least {least}."))
    return errors


def _check_ranges_free(network: Network, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for name, family in (("ipv4_range", 4), ("ipv6_range", 6)):
        if after[name] != before[name] and Address.objects.filter(network=network, family=family).exists():
            raise ConflictError(f"{name} cannot change: addresses of {before[name]} are in use or in quarantine.")
