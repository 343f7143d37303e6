"""What both ways of speaking to the portal, socket and polling, share: whom they serve."""

from __future__ import annotations

from typing import Any, Protocol

from agent.answers import Ack
from agent.engine.reports import Reports


class Listener(Protocol):
    """The engine, as a conversation sees it."""

    reports: Reports
    """What heartbeats tell."""

    def token(self) -> str:
        """The session's token, as it is now: it is renewed while a conversation lasts."""

    def heartbeat_seconds(self) -> float:
        """Until the portal says otherwise in an ack."""

    def applied(self) -> tuple[int, int] | None:
        """Epoch and version of the map that stands."""

    def standing_map(self) -> dict[str, Any] | None:
        """The map that stands, as the portal told it: deltas may go on from there. None if only a whole map will do."""

    def doubt_map(self) -> None:
        """What the portal said does not fit the map that stands: the next hello asks for a whole one."""

    def untold_endpoints(self) -> list[str] | None:
        """This machine's endpoints, if the portal does not have them yet."""

    def endpoints_told(self, endpoints: list[str]) -> None:
        """The portal has them now."""

    async def news(self) -> dict[str, Any]:
        """The members for the next heartbeat."""

    def boot(self) -> float:
        """The boot clock."""

    async def take_map(self, raw: Any, *, asked_at: float | None) -> tuple[int, int] | None:
        """A map came: apply it; None if it was refused or could not be applied.

        :raises OutdatedMapError: if it goes back in time: nothing that follows on it is of use

        ``asked_at``: the boot-clock second at which it was asked for, None for one that was pushed (which may have
        waited in a buffer through a night's sleep, and proves no contact).
        """

    async def take_ack(self, ack: Ack, *, sent_at: float) -> None:
        """A heartbeat that was sent at that boot-clock second was answered.

        :raises AuthenticationError: and kin, if a renewal of the session that is due finds that it is over
        """

    async def pause(self, seconds: float) -> None:
        """Wait; tests have time of their own."""

    async def rest(self, seconds: float) -> None:
        """Wait as long between heartbeats; less where there is news that is worth one."""
