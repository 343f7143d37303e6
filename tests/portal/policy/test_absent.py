"""Pages about what there is not."""

from __future__ import annotations

import pytest
from django.test import Client

from nodes.models import Network

pytestmark = pytest.mark.django_db


def test_what_is_not_there_is_not_found(client: Client, policy: Network) -> None:
    for path in ("tests/999/", "tests/999/delete/", "history/999/", "history/999/restore/", "history/1/?to=999"):
        assert client.get(f"/admin/access/{path}").status_code == 404, path
    assert client.post("/admin/access/trial/999/confirm/").status_code == 404
    assert client.get("/admin/access/file/?network=elsewhere").status_code == 404
