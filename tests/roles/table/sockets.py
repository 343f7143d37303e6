"""The sockets: an address, and the capability without which the upgrade is refused."""

from __future__ import annotations

from typing import Final

from tests.roles.table.people import INSIDE, PERSON

AGENT: Final = "agent"

SOCKETS: Final = {
    "/ws/v1/agent": AGENT,
    "/ws/v1/portal/own": PERSON,
    "/ws/v1/portal/page": INSIDE,
    "/ws/v1/portal/overview": "nodes.view",
    "/ws/v1/portal/fleet": "nodes.view",
    "/ws/v1/portal/node": "nodes.view",
    "/ws/v1/portal/approvals": "nodes.view",
    "/ws/v1/portal/enrol": "keys.view",
    "/ws/v1/portal/access": "policy.view",
    "/ws/v1/portal/people": "users.view",
    "/ws/v1/portal/network": "network.view",
    "/ws/v1/portal/events": "changes.view",
}

EVENTS: Final = {
    "nodes": "nodes.view",
    "presence": "nodes.view",
    "endpoints": "nodes.view",
    "sessions": "nodes.view",
    "enrolments": "nodes.view",
    "jobs": "nodes.view",
    "metrics": "nodes.view",
    "policy": "policy.view",
    "users": "users.view",
    "network": "network.view",
    "credentials": "keys.view",
}
"""What each type of event takes, whatever the page."""
