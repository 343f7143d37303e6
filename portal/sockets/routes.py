"""Which socket is where: one address a kind of page, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from channels.sessions import CookieMiddleware  # type: ignore[import-untyped]

from portal.sockets.consumers import NodeSocket, PageSocket
from portal.sockets.kinds import KINDS
from portal.sockets.own import OwnSocket

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

BASE: Final = "/ws/v1/portal/"


def _applications() -> dict[str, App]:
    kinds = {kind: (NodeSocket if kind == "node" else PageSocket).as_asgi(kind=kind) for kind in KINDS}
    return {BASE + kind: CookieMiddleware(inner) for kind, inner in {**kinds, "own": OwnSocket.as_asgi()}.items()}


PORTAL_SOCKETS: Final[dict[str, App]] = _applications()
