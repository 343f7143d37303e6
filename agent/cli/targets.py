"""Finding the peer that somebody means: by name, by address, or by id."""

from __future__ import annotations

import ipaddress
from typing import Any

from mesh.errors import NotFoundError


def find_target(status: dict[str, Any], wanted: str) -> dict[str, Any]:
    """The peer (or this node itself) that ``wanted`` names: short or full name, mesh address, or id.

    :raises NotFoundError: if nobody here has it: not there, or not visible to this node
    """
    nodes = [node for node in (status["node"], *status["peers"]) if node is not None]
    name = wanted.lower().rstrip(".")
    try:
        address = str(ipaddress.ip_address(wanted))
    except ValueError:
        address = ""
    for node in nodes:
        if name in (node["name"], node["fqdn"]) or address in node["addresses"] or wanted == str(node["id"]):
            return dict(node)
    raise NotFoundError(f"No peer is known as {wanted}: see ghostwire-agent status.")
