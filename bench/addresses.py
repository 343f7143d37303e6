"""What it costs to give out an address, with few and with 50,000 held: the ratio is what matters.

python -m bench.addresses
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Any

HELD = 50_000
SAMPLE = 300
MOST_RATIO = 1.5
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Row = tuple[str, str, str, bool]


def run() -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met. Works on a SQLite database of its own."""
    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder:
        _start_django(folder)
        few, many = _allocation(0), _allocation(HELD)
        walk = _walk()
    ratio = many / few
    return [
        (
            f"giving out an address: {HELD:,} held to none",
            f"{ratio:.2f} ({few * 1e6:.0f} -> {many * 1e6:.0f} us)",
            f"<= {MOST_RATIO}",
            ratio <= MOST_RATIO,
        ),
        (f"the first one after a change of exclusions, {HELD:,} held", f"{walk * 1e3:.0f} ms", "<= 1000 ms", walk <= 1),
    ]


def _start_django(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "ghostwire_site.settings"
    os.environ["GHOSTWIRE_CONFIG"] = os.devnull
    os.environ["GHOSTWIRE_SERVER__DATA_DIR"] = folder
    os.environ["GHOSTWIRE_LOGGING__LEVEL"] = "ERROR"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _network(held: int) -> Any:
    """A network whose first ``held`` addresses are given to nodes."""
    from mesh.addressing import pack
    from nodes.models import Address, Network, Node

    name = f"net-{Network.objects.count()}"
    network = Network.objects.create(
        name=name, domain=f"{name}.ghost", ipv4_range="10.0.0.0/12", ipv6_range="fd00:1::/48"
    )
    nodes = Node.objects.bulk_create(
        (Node(network=network, public_key=f"{name}-{n}", name=f"n{n}", hostname="n") for n in range(held + SAMPLE)),
        2000,
    )
    for family, base in ((4, int(ip_address("10.0.0.2"))), (6, int(ip_address("fd00:1::2")))):
        rows = (ip_address(base + offset) for offset in range(held))
        Address.objects.bulk_create(
            (
                Address(network=network, node=node, family=family, address=str(row), packed=pack(row))
                for node, row in zip(nodes, rows, strict=False)
            ),
            2000,
        )
    network.ipv4_cursor, network.ipv6_cursor = held + 2, str(held + 2)
    network.save()
    return network


def _allocation(held: int) -> float:
    """Seconds an allocation takes, at the median of many."""
    from django.db import transaction

    from nodes.models import Node
    from nodes.services.addresses import allocate_addresses

    network = _network(held)
    nodes = list(Node.objects.filter(network=network).order_by("-pk")[:SAMPLE])
    with transaction.atomic():
        times = sorted(_timed(partial(allocate_addresses, network=network, node=node, now=AT)) for node in nodes)
    return times[len(times) // 2]


def _walk() -> float:
    from django.db import transaction

    from mesh.change import Cause
    from nodes.changes import lock_network
    from nodes.models import Node
    from nodes.services.addresses import allocate_addresses
    from nodes.services.network import update_network

    network = _network(HELD)
    update_network(network_id=network.pk, changes={"excluded": ["10.15.0.0/24"]}, cause=Cause.command(), now=AT)
    node = Node.objects.filter(network=network).latest("pk")
    with transaction.atomic():
        locked = lock_network(network.pk)
        return _timed(lambda: allocate_addresses(network=locked, node=node, now=AT))


def _timed(action: Callable[[], object]) -> float:
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'}  {what:60}  {figure:>28}   budget {budget}")


if __name__ == "__main__":
    main()
