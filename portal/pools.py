"""How full a network's address pools are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from nodes.models import Address, Network
from nodes.services.addresses import pool_of

WARN_AT = 80.0


@dataclass(frozen=True, slots=True)
class PoolUse:
    """One family's pool. ``capacity`` may exceed 2**64; shares are per cent of it."""

    range: str
    family: int
    taken: int
    quarantined: int
    capacity: int

    @property
    def share(self) -> float:
        """Taken and in quarantine, in per cent."""
        return 100 * (self.taken + self.quarantined) / self.capacity if self.capacity else 100.0

    @property
    def share_words(self) -> str:
        """``9.4 %``, ``0 %``, ``under 0.1 %``."""
        if 0 < self.share < 0.1:
            return "under 0.1 %"
        return f"{self.share:.1f}".rstrip("0").rstrip(".") + " %"

    @property
    def is_nearly_full(self) -> bool:
        """Whether the figure warns."""
        return self.share >= WARN_AT

    @property
    def taken_width(self) -> float:
        """Of a bar 1000 wide; at least one unit where there is anything."""
        return self._width(self.taken)

    @property
    def quarantine_width(self) -> float:
        """Of a bar 1000 wide."""
        return self._width(self.quarantined)

    def _width(self, number: int) -> float:
        if not number or not self.capacity:
            return 0.0
        return max(round(1000 * number / self.capacity, 1), 3.0)

    @property
    def words(self) -> str:
        """``48 of 509``; a range beyond a million is just ``48 taken``."""
        return f"{self.taken} of {self.capacity}" if self.capacity < 1_000_000 else f"{self.taken} taken"


def pools_of(network: Network, now: datetime) -> list[PoolUse]:
    """The pools of a network, in one query."""
    rows = (
        Address.objects.filter(network=network)
        .order_by()
        .values("family")
        .annotate(
            taken=Count("pk", filter=Q(node__isnull=False)),
            resting=Count("pk", filter=Q(quarantined_until__gt=now)),
        )
    )
    counts = {row["family"]: (row["taken"], row["resting"]) for row in rows}
    found = []
    for family, text in ((4, network.ipv4_range), (6, network.ipv6_range)):
        pool = pool_of(network, family)
        if pool is not None:
            found.append(PoolUse(str(text), family, *counts.get(family, (0, 0)), pool.capacity))
    return found
