"""Rules that begin and end by the clock, as followers of a real portal see it.

A boundary cannot be told from the outside without the clock on the wall: these tests look at when the portal told of
it, and give it the two seconds that the protocol gives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.live import Follower, LiveMachine
from tests.services.stack import PortalProcess, one_process_portal

WITHIN = timedelta(seconds=2)
LEAD = timedelta(seconds=3)
"""How far ahead a boundary is set: longer than a rule needs to get there."""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    with one_process_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="module")
def keys(portal: PortalProcess) -> dict[str, str]:
    """Auth keys by tag."""
    return {tag: portal.manage_json("authkey", "create", "--tag", tag, "--reusable")["key"] for tag in ("web", "db")}


@dataclass
class Administrator:
    """Calls the administration API."""

    http: httpx.AsyncClient

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def rule(self, **schedule: Any) -> dict[str, Any]:
        """A rule from web to db with this schedule; instants become text."""
        said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in schedule.items()}
        fields = {"action": "accept", "sources": ["tag:web"], "destinations": ["tag:db"], "ports": ["5432"]}
        made: dict[str, Any] = await self.call("POST", "acl/rules", fields | {"name": "visit", "schedule": said})
        return made

    async def boundaries(self) -> list[datetime]:
        """The boundaries that changes of the log tell of, the earliest first."""
        listed = (await self.call("GET", "changes?actor=system:schedule&limit=200"))["results"]
        facts = [(await self.call("GET", f"changes/{item['version']}"))["facts"] for item in reversed(listed)]
        return [datetime.fromisoformat(item["boundary"]) for item in facts]


@pytest.fixture(scope="module")
def token(portal: PortalProcess) -> str:
    return str(portal.manage_json("apikey", "create", "--user", "admin")["token"])


@pytest.fixture
async def admin(portal: PortalProcess, token: str) -> AsyncIterator[Administrator]:
    async with httpx.AsyncClient(
        base_url=f"{portal.url}/api/v1/admin/",
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
        trust_env=False,
    ) as http:
        yield Administrator(http)


@pytest.fixture
async def followers(portal: PortalProcess, keys: dict[str, str]) -> AsyncIterator[list[Follower]]:
    """A machine with the tag web and one with db, each with its map."""
    async with LiveMachine(portal.url, "web") as web, LiveMachine(portal.url, "db") as db:
        assert (await web.register(keys["web"])).status_code == 201
        assert (await db.register(keys["db"])).status_code == 201
        async with web.connect() as one, db.connect() as two:
            found = [Follower(one), Follower(two)]
            for follower in found:
                await follower.greet()
            yield found
        for machine in (web, db):
            await machine.call("DELETE", "nodes/self")


def in_whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


async def told(followers: list[Follower], *, sees: bool) -> datetime:
    """Follows until both see each other, or neither; the instant at which the later of them did."""

    async def until(follower: Follower) -> datetime:
        await follower.until(lambda netmap: bool(netmap["peers"]) is sees, seconds=30)
        return datetime.now(UTC)

    return max(await asyncio.gather(*map(until, followers)))


async def test_temporary_access_begins_and_ends_on_time(admin: Administrator, followers: list[Follower]) -> None:
    before = await admin.boundaries()
    begins = in_whole_seconds(datetime.now(UTC) + LEAD) + timedelta(seconds=1)
    ends = begins + timedelta(seconds=3)
    rule = await admin.rule(not_before=begins, expires_at=ends)
    assert not followers[0].netmap["peers"]
    assert begins <= await told(followers, sees=True) < begins + WITHIN
    assert "5432" in str(followers[1].netmap["packet_filter"])
    assert ends <= await told(followers, sees=False) < ends + WITHIN
    assert (await admin.boundaries())[len(before) :] == [begins, ends]
    kept = await admin.call("GET", f"acl/rules/{rule['id']}")
    assert (kept["state"], kept["enabled"]) == ("ended", False)
