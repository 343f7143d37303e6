"""What a portal answers, as the agent protocol writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


def stamp(at: datetime | None = None) -> str:
    """An instant as the protocol writes it."""
    return (at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")


def problem(code: str, detail: str, **more: Any) -> dict[str, Any]:
    """An error's body."""
    return {"type": "about:blank", "title": code, "status": 0, "detail": detail, "code": code, **more}


def empty_map(public_key: str, node_id: int, *, version: int = 1, **more: Any) -> dict[str, Any]:
    """A map without peers."""
    return {
        "epoch": 1,
        "version": version,
        "lease_seconds": 43200,
        "node_key": public_key,
        "domain": "test.ghost",
        "node": {
            "id": node_id,
            "name": f"node{node_id}",
            "key": public_key,
            "user": 1,
            "tags": [],
            "addresses": [f"10.77.0.{node_id}/32", f"fd77::{node_id:x}/128"],
            "routes": [],
        },
        "peers": [],
        "sets": {},
        "packet_filter": [],
        "dns": {"magic_dns": True, "domain": "test.ghost"},
        "derp_map": {"regions": {}},
        "user_profiles": {},
        **more,
    }


@dataclass
class Challenge:
    """A challenge that was given out."""

    public_key: bytes
    private: bytes
    nonce: bytes
