"""How often one API token may call."""

from __future__ import annotations

from typing import Final

from coordinator.limits import Limit

READS: Final = Limit("admin_read", 1200, 60.0, burst=240)
# A script that makes one thing after another runs at ten a second; each may cost a compilation of the policy.
WRITES: Final = Limit("admin_write", 600, 60.0, burst=120)
