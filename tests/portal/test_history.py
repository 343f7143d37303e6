"""A node's page says how much of each day it was online."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import Node, OnlineSpan
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
