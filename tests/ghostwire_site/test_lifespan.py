from __future__ import annotations

from typing import Any

import pytest

from coordinator.tail import TAIL
from ghostwire_site import lifespan as module
from ghostwire_site.asgi import application


async def test_at_the_end_what_was_noted_is_handed_on_before_the_server_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(TAIL, "stop", lambda: told.append("noted"))
    monkeypatch.setattr(module, "_close_pool", lambda: told.append("closed"))
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: dict[str, Any]) -> None:
        told.append(message["type"])

    await application({"type": "lifespan"}, receive, send)

    assert told == ["lifespan.startup.complete", "noted", "closed", "lifespan.shutdown.complete"]
