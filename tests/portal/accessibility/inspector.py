"""Looks where pictures are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from playwright._impl._api_structures import SetCookieParam

from tests.portal.accessibility.look import look
from tests.portal.screens.camera import Camera, Shot, open_shot


@dataclass(frozen=True, slots=True)
class Inspector(Camera):
    """``faults``: the pages of each fault."""

    faults: dict[str, list[str]] = field(default_factory=dict)

    def take(self, url: str, cookie: SetCookieParam | None, shots: Sequence[Shot]) -> None:
        """Look at all shots that are wanted."""
        chosen = [shot for shot in shots if not self.wanted or shot.name in self.wanted]
        for theme, size, found in self._windows(cookie) if chosen else ():
            for shot in chosen:
                open_shot(found.page, url, shot)
                for fault in look(found.page, phone=size == "phone"):
                    self.faults.setdefault(fault, []).append(f"{shot.name} ({theme}, {size})")
