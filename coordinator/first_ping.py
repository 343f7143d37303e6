"""The first answer that an agent got to a ping over the mesh, as heartbeats tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from mesh.errors import FieldError, ValidationError

MAX_MS: Final = 60_000.0
_MAX_ID: Final = 2**53


@dataclass(frozen=True, slots=True)
class FirstPing:
    """Which node answered, and how long that took."""

    peer_id: int
    milliseconds: float


def read_first_ping(traffic: Mapping[str, Any] | None) -> FirstPing | None:
    """Reads ``first_ping`` of the member ``traffic``: ``peer_id`` and ``milliseconds``; None where it is not told.
    Raises ValidationError naming the member at fault."""
    told = None if traffic is None else traffic.get("first_ping")
    if told is None:
        return None
    peer_id, took = (told.get("peer_id"), told.get("milliseconds")) if isinstance(told, dict) else (None, None)
    if not isinstance(peer_id, int) or isinstance(peer_id, bool) or not 0 < peer_id < _MAX_ID:
        raise _refused("peer_id", "The id of a node.")
    if not isinstance(took, int | float) or isinstance(took, bool) or not isfinite(took) or not 0 <= took <= MAX_MS:
        raise _refused("milliseconds", f"A number from 0 to {MAX_MS:.0f}.")
    return FirstPing(peer_id, float(took))


def _refused(member: str, words: str) -> ValidationError:
    return ValidationError("The first ping is refused.", errors=(FieldError(f"traffic.first_ping.{member}", words),))
