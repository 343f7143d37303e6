"""The network map as this agent reads it: every member checked before anything is applied, unknown ones passed over."""

from __future__ import annotations

from agent.netmap.read import read_netmap
from agent.netmap.types import (
    Address,
    Destination,
    Endpoint,
    FilterRule,
    NetworkMap,
    NodeSet,
    Peer,
    Prefix,
    SelfNode,
    SelfRoute,
    SetRef,
)

__all__ = [
    "Address",
    "Destination",
    "Endpoint",
    "FilterRule",
    "NetworkMap",
    "NodeSet",
    "Peer",
    "Prefix",
    "SelfNode",
    "SelfRoute",
    "SetRef",
    "read_netmap",
]
