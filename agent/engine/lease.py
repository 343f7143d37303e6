"""The lease: how long peers may stand without a word from the portal (agent protocol, "Network map")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.clock import Clock
from agent.state import LeaseMemory, StateDir

# The kept instant may lag behind by this much: an earlier one only makes the lease end earlier, and a file is not
# written for every heartbeat.
_KEEP_SECONDS: Final = 300.0


@dataclass(slots=True)
class Lease:
    """Counted on the boot clock, from the last contact that the portal acknowledged. ``contact`` None: none yet."""

    clock: Clock
    state: StateDir
    seconds: int = 0
    contact: float | None = None
    _kept: float | None = None

    def resume(self) -> None:
        """Take up the lease of a former run, if the machine has not been started since: a boot-clock reading of
        another boot says nothing, and then only the portal can."""
        kept = self.state.lease()
        if kept is not None and kept.boot_id and kept.boot_id == self.clock.boot_id():
            self.contact, self.seconds = kept.contact, kept.seconds

    def renew(self, *, at: float, seconds: int | None = None) -> None:
        """The portal acknowledged something that was sent ``at`` this boot-clock second."""
        if seconds is not None:
            self.seconds = seconds
        self.contact = at if self.contact is None else max(at, self.contact)
        if self._kept is None or self.contact - self._kept >= _KEEP_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Remember the lease for the next run."""
        if self.contact is not None:
            self._kept = self.contact
            self.state.keep_lease(LeaseMemory(self.clock.boot_id(), self.contact, self.seconds))

    def drop(self) -> None:
        """There is nothing to hold on to: the portal said so."""
        self.contact = self._kept = None
        self.state.keep_lease(None)

    def left(self) -> float:
        """Seconds until the lease is over; 0 if it is, or never began."""
        if self.contact is None:
            return 0.0
        return max(0.0, self.contact + self.seconds - self.clock.boot())
