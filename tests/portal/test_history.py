"""A node's page says how much of each day it was online."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mesh.change import ChangeKind
from nodes.models import Change, Node, OnlineSpan
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db


def test_uptime_by_day(client: Client, network: Any) -> None:
    now = timezone.now()
    node = make.NodeFactory(network=network, name="web")
    Node.objects.filter(pk=node.pk).update(created_at=now - timedelta(days=2))
    make.OnlineSpanFactory(node=node, began=now - timedelta(days=2), ended=now - timedelta(days=1))
    text = text_of(client.get(page_url(Node, "change", node.pk)))
    assert "50.0 %" in text
    assert "1 time" in text


def test_spans_of_one_node(client: Client, network: Any) -> None:
    mine, other = (make.NodeFactory(network=network, name=name) for name in ("mine", "other"))
    make.OnlineSpanFactory(node=mine)
    make.OnlineSpanFactory(node=other)
    text = text_of(client.get(page_url(OnlineSpan, "changelist") + f"?node={mine.pk}"))
    assert ("mine" in text, "other" in text, "is online" in text) == (True, False, True)


@pytest.mark.parametrize("kind", [kind.value for kind in ChangeKind])
def test_a_change_whose_facts_are_gone_has_a_page(client: Client, network: Any, kind: str) -> None:
    change = make.ChangeFactory(network=network, kind=kind, facts={}, pruned=True)
    response = client.get(page_url(Change, "change", change.pk))
    assert response.status_code == 200
    assert "not kept any longer" in text_of(client.get(page_url(Change, "changelist")))


def test_the_end_of_rights_is_told(client: Client, network: Any) -> None:
    facts = {
        "auth_keys": [{"id": 1, "name": "laptops", "revoked_at": "2026-03-02T12:00:00+00:00"}],
        "released_keys": [{"name": "web"}],
        "passwords": [{"id": 7, "login": "ana"}],
    }
    make.ChangeFactory(network=network, kind="credentials", facts=facts)
    make.ChangeFactory(network=network, kind="users", facts={"users": [], "deleted": [{"id": 7, "login": "ben"}]})
    text = text_of(client.get(page_url(Change, "changelist")))
    for told in ("laptops has ended", "key of web is released", "password of ana is set", "User ben is deleted"):
        assert told in text
