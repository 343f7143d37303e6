"""Relay servers and how they do, as commands show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from coordinator.cli.results import Column, Listing, Word
from coordinator.cli.times import relative
from mesh.relay_health import Answer
from nodes.models import RelayRegion, RelayServer

_GOOD: Final = Word("serves", "green", "●")
_NEW: Final = Word("not asked yet", "bright_black", "○")


def server_word(server: RelayServer) -> Word:
    """How a server does."""
    if not server.alive:
        return Word("dead", "red", "○")
    if server.failing_since is not None:
        return Word("fails", "yellow", "◌")
    return _NEW if server.checked_at is None else _GOOD


def region_word(region: RelayRegion) -> Word:
    """How many of a region's servers serve."""
    servers = list(region.servers.all())
    alive = sum(server.alive for server in servers)
    if not servers or alive == len(servers):
        return Word("all" if servers else "none", "green" if servers else "bright_black", "●" if servers else "○")
    return Word(f"{alive} of {len(servers)}", "yellow" if alive else "red", "◌" if alive else "○")


def server_listing(servers: Sequence[RelayServer], now: datetime) -> Listing:
    """The servers of a region, where they are and how they do."""
    columns = [
        Column("Name", lambda server: server.name, keep=True),
        Column("Host", lambda server: server.host),
        Column("IPv4", lambda server: server.ipv4 or "-", wide=True),
        Column("IPv6", lambda server: server.ipv6 or "-", wide=True),
        Column("Port", lambda server: str(server.port), keep=True, right=True),
        Column("STUN", lambda server: str(server.stun_port or "-"), keep=True, right=True),
        Column("State", server_word, keep=True),
        Column("Why", lambda server: _why(server.fault, unknown_issuer=server.unknown_issuer)),
        Column("Answer", lambda server: _ms(server.answer_ms), right=True),
        Column("Asked", lambda server: relative(server.checked_at, now) if server.checked_at else "never"),
    ]
    return Listing(servers, columns, "It has no servers: nobody can relay through it.")


def answer_listing(answers: Sequence[tuple[RelayServer, Answer]]) -> Listing:
    """What servers answered just now."""
    columns = [
        Column("Region", lambda item: item[0].region.code, keep=True),
        Column("Name", lambda item: item[0].name, keep=True),
        Column("Host", lambda item: item[0].host),
        Column("TLS", lambda item: _fault_word(item[1].tls_fault), keep=True),
        Column("STUN", lambda item: _fault_word(item[1].stun_fault) if item[1].asks_stun else "-", keep=True),
        Column("Answer", lambda item: _ms(item[1].ms), right=True),
        Column("Why", lambda item: _why(item[1].fault or "", unknown_issuer=item[1].unknown_issuer)),
    ]
    return Listing(answers, columns, "There are no relay servers.", shape=_answer_shape)


def _answer_shape(item: tuple[RelayServer, Answer]) -> Mapping[str, Any]:
    server, answer = item
    return {
        "region": server.region.code,
        "name": server.name,
        "tls_fault": answer.tls_fault,
        "stun_fault": answer.stun_fault,
        "asks_stun": answer.asks_stun,
        "answer_ms": answer.ms,
        "unknown_issuer": answer.unknown_issuer,
    }


def _fault_word(fault: str | None) -> Word:
    return Word("ok", "green", "●") if fault is None else Word(fault, "red", "○")


def _why(fault: str, *, unknown_issuer: bool) -> str:
    if fault:
        return str(RelayServer.Fault(fault).label)
    return "The issuer of its certificate is not known here" if unknown_issuer else ""


def _ms(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.1f} ms"
