"""Somebody with an API token, who makes changes on a real portal while tests run."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.integration.live import LiveMachine


class Operator:
    """Acts through one server of a portal, and may be told to use another."""

    def __init__(self, url: str, *, token: str, auth_key: str) -> None:
        self.url = url
        self.token = token
        self.auth_key = auth_key
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False)

    async def call(self, method: str, path: str, **body: Any) -> httpx.Response:
        """A call of the administration API."""
        answer = await self._http.request(method, f"{self.url}/api/v1/admin/{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer

    async def cut_off(self, node_id: int) -> None:
        """Take a node's right to take part."""
        await self.call("POST", f"nodes/{node_id}/disable")

    async def rename(self, node_id: int) -> str:
        """Make a change that all peers of a node see; gives the new name."""
        name = f"n-{secrets.token_hex(4)}"
        await self.call("PATCH", f"nodes/{node_id}", name=name)
        return name

    async def newcomer(self) -> LiveMachine:
        """Register a machine; its clients are the caller's to close."""
        machine = LiveMachine(self.url, f"new-{secrets.token_hex(4)}")
        answer = await machine.register(self.auth_key)
        assert answer.status_code == 201, answer.text
        return machine

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()
