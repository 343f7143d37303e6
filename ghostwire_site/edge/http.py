"""Everything that stands between the server and Django for HTTP, put together."""

from __future__ import annotations

from coordinator.database_metrics import watch_queries
from coordinator.gauges import watch_changes
from coordinator.hot_path import rest
from ghostwire_site.edge import App
from ghostwire_site.edge.bodies import BodyLimits
from ghostwire_site.edge.front import Front
from ghostwire_site.edge.headers import api_headers
from ghostwire_site.measured import Measured


def in_front_of(django: App) -> App:
    """Make the application for HTTP scopes whose client is settled; from here on requests, changes, queries count."""
    watch_changes()
    watch_queries()
    heartbeats = rest.HeartbeatApplication(api_headers(rest.PATH))
    return Measured(BodyLimits(Front(django, path=rest.PATH, answer=heartbeats)))
