"""What the fuzz tests share: a portal with one of everything, callers, and seeds that are printed and never random."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from hypothesis import HealthCheck, Phase, settings

from tests.admin_api.sample import Sample
from tests.fixtures import forget_memory

SEED: Final = int(os.environ.get("GHOSTWIRE_FUZZ_SEED", "20260302"))
"""The same in every run. ``GHOSTWIRE_FUZZ_SEED`` chooses another, ``GHOSTWIRE_FUZZ_EXAMPLES`` multiplies examples."""
MORE: Final = int(os.environ.get("GHOSTWIRE_FUZZ_EXAMPLES", "1"))


def bounded(examples: int) -> settings:
    """So many examples, none kept for later, none shrunk: the time of a run is known beforehand."""
    return settings(
        max_examples=examples * MORE,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def undone() -> Iterator[None]:
    """Takes back what happens within, in the database and in memory: every example meets the same portal."""
    forget_memory()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class World:
    """One of everything, and the tokens of those who call."""

    sample: Sample
    tokens: dict[str, str | None]
    api_token_id: int

    def headers(self, caller: str) -> dict[str, str]:
        """What a caller sends along."""
        token = self.tokens[caller]
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def path_parameters(self, path: str) -> dict[str, Any]:
        """The parameters of a path that name what there is."""
        ids = self.sample.ids
        nouns = {
            "nodes": "node",
            "auth-keys": "auth_key",
            "sessions": "session",
            "users": "user",
            "retired-keys": "retired_key",
            "relays": "region",
            "dns-records": "record",
            "acl/rules": "rule",
            "acl/groups": "group",
            "acl/hosts": "host",
            "acl/tags": "tag",
            "policy/tests": "test",
        }
        noun = next((ids[name] for start, name in nouns.items() if path.startswith(f"/api/v1/admin/{start}/")), 1)
        named: dict[str, Any] = {
            "id": self.api_token_id if "api-tokens" in path else ids["server"] if "/servers/" in path else noun,
            "region_pk": ids["region"],
            "name": ids["network"],
            "version": ids["version"],
            "number": ids["policy"],
        }
        return {name: value for name, value in named.items() if f"{{{name}}}" in path}
