"""Where an agent stands, in the words that ``status`` shows."""

from __future__ import annotations

import asyncio
from enum import StrEnum


class Phase(StrEnum):
    """One word for people and scripts."""

    STARTING = "starting"
    NEEDS_LOGIN = "needs-login"
    NEEDS_APPROVAL = "needs-approval"
    CONNECTING = "connecting"
    RUNNING = "running"
    SHUT_OUT = "shut-out"
    LEASE_OVER = "lease-over"
    FAILED = "failed"


# An ``up`` that waits has its answer with these.
SETTLED = frozenset({Phase.NEEDS_LOGIN, Phase.NEEDS_APPROVAL, Phase.RUNNING, Phase.SHUT_OUT, Phase.FAILED})


class Standing:
    """The phase and the reason for it, and a way to wait for a change."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.reason = ""
        self.connection = "none"
        self._changed = asyncio.Event()
        self._asked = False

    def ask(self) -> None:
        """A person asked for something: where we stood before is no answer to it, until ``begin``."""
        self._asked = True
        self.move(Phase.CONNECTING)

    def begin(self) -> None:
        """What was asked for is being done: from here on the phase tells how it went."""
        self._asked = False
        if self.phase in SETTLED:
            self.move(Phase.CONNECTING)

    def move(self, phase: Phase, reason: str = "") -> bool:
        """Take note; True if the phase is another than before."""
        other = phase is not self.phase
        if other or reason != self.reason:
            self.phase, self.reason = phase, reason
            self._changed.set()
            self._changed = asyncio.Event()
        return other

    async def settled(self) -> None:
        """Return once the phase is one that answers an ``up``."""
        while self._asked or self.phase not in SETTLED:
            await self._changed.wait()
