"""Names of nodes: unique in the network, and free again only after quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from mesh.errors import ConflictError
from mesh.names import MAX_LABEL, RESERVED, label_of, unique_label, validate_label
from nodes.models import DnsRecord, NameReservation, Network, Node

NameCheck = Callable[[str], bool]
NamesBeginning = Callable[[str], Iterable[str]]

# A number at the end of a label has at most so many characters, its hyphen included.
_MAX_NUMBER: Final = 11


def choose_name(
    *,
    network: Network,
    hostname: str,
    is_named_by_policy: NameCheck,
    policy_names_beginning: NamesBeginning,
    now: datetime,
) -> str:
    """The name for a newcomer that reports ``hostname``: ``web``, ``web-1``, ... the lowest that is free.

    The policy is asked by name for the first candidate, and for all names with a common beginning after that: a
    thousand machines of one image cost each newcomer a few queries, not a few thousand.
    """
    base = label_of(hostname)
    if why_taken(network, base, is_named_by_policy, now) is None:
        return base
    beginning = _common_beginning(base)
    taken = _taken_beginning(network, beginning, now) | set(policy_names_beginning(beginning))
    return unique_label(base, taken | RESERVED | {base})


def check_name(
    *, network: Network, name: str, is_named_by_policy: NameCheck, now: datetime, node_id: int | None = None
) -> str:
    """Checks a name that an administrator chose and returns it in normal form.

    Raises ValidationError if it is no DNS label, ConflictError if it is taken. A name that the policy mentions may
    be given on purpose by an administrator only if it is the node's own.
    """
    label = validate_label(name)
    reason = why_taken(network, label, is_named_by_policy, now, node_id=node_id)
    if reason is not None:
        raise ConflictError(reason)
    return label


def why_taken(
    network: Network, name: str, is_named_by_policy: NameCheck, now: datetime, *, node_id: int | None = None
) -> str | None:
    """Why ``name`` cannot be given, in words; None if it can."""
    if name in RESERVED:
        return f"The name {name} is reserved."
    holder = Node.objects.filter(network=network, name=name).exclude(pk=node_id or 0).first()
    if holder is not None:
        return f"The name {name} belongs to another node."
    reservation = NameReservation.objects.filter(network=network, name=name, until__gt=now).first()
    if reservation is not None and (node_id is None or reservation.held_for_id != node_id):
        return f"The name {name} is in quarantine: a node that left had it."
    if DnsRecord.objects.filter(network=network, name=f"{name}.{network.domain}").exists():
        return f"The name {name} is a DNS record."
    if is_named_by_policy(name):
        return f"The name {name} is named by the policy."
    return None


def _common_beginning(base: str) -> str:
    """What ``base`` and all its numbered forms begin with."""
    if base.startswith("xn--"):
        return "xn--"  # the number goes into the encoded name, which may change from its first letter on
    return base[: MAX_LABEL - _MAX_NUMBER].rstrip("-")


def _taken_beginning(network: Network, beginning: str, now: datetime) -> set[str]:
    """The names with this beginning that nodes have, that are in quarantine, or that are DNS records."""
    nodes = Node.objects.filter(network=network, name__startswith=beginning)
    reserved = NameReservation.objects.filter(network=network, name__startswith=beginning, until__gt=now)
    domain = f".{network.domain}"
    records = DnsRecord.objects.filter(network=network, name__startswith=beginning, name__endswith=domain)
    taken = set(nodes.order_by().values_list("name", flat=True))
    taken.update(reserved.order_by().values_list("name", flat=True))
    taken.update(name.removesuffix(domain) for name in records.order_by().values_list("name", flat=True))
    return taken


def reserve_name(*, network: Network, name: str, now: datetime, held_for: Node | None = None) -> None:
    """Keeps a name from being given out for as long as the network's quarantine lasts, but to ``held_for``."""
    until = now + timedelta(seconds=network.quarantine_seconds)
    NameReservation.objects.update_or_create(
        network=network, name=name, defaults={"until": until, "held_for": held_for}
    )
