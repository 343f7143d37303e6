"""How relay servers do, for Prometheus: as the last checks wrote it down, whichever process made them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, InterfaceError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from nodes.models import RelayServer

_LABELS: Final = ("network", "region", "server")


class Relays(Collector):
    """One query; without the database nothing is told."""

    def collect(self) -> Iterator[Metric]:
        """Reads the servers and what is known of them. Who was never asked is not told of."""
        alive = _family("ghostwire_relay_alive", "1 while agents are told of the relay server.")
        failing = _family("ghostwire_relay_failing", "1 while the relay server fails the portal's checks.")
        unknown = _family(
            "ghostwire_relay_unknown_issuer", "1 where the portal does not know its certificate's issuer."
        )
        answer = _family("ghostwire_relay_answer_seconds", "How long the relay server's last answer took.")
        uplink = GaugeMetricFamily("ghostwire_relays_cut_off", "1 while no relay server at all answers the portal.")
        servers = _servers()
        for server in servers:
            region = server.region
            labels = (str(region.network_id), region.code, server.name)
            alive.add_metric(labels, server.alive)
            failing.add_metric(labels, server.failing_since is not None)
            unknown.add_metric(labels, server.unknown_issuer)
            if server.answer_ms is not None:
                answer.add_metric(labels, server.answer_ms / 1000)
        if servers:
            uplink.add_metric((), all(server.failing_since is not None for server in servers))
        yield from (alive, failing, unknown, answer, uplink)


def _servers() -> list[RelayServer]:
    try:
        return list(RelayServer.objects.select_related("region").exclude(checked_at=None).order_by("pk"))
    except (DatabaseError, InterfaceError):
        return []  # whether the database answers is what readyz says; the rest can still be told


def _family(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=_LABELS)
