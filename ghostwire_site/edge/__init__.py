"""Plain ASGI in front of Django: who the client is, and what is refused before a view runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTE: Final = "ghostwire.route"
"""Where a scope says which route it led to, once that is known."""
