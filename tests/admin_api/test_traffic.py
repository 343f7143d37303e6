"""What a node's tunnel carried, over the API and by command."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.models import Network, TrafficHour
from tests.admin_api.api import Api, faults
from tests.factories import NodeFactory

pytestmark = pytest.mark.django_db


def test_a_node_s_traffic(api: Api, network: Network) -> None:
    node = NodeFactory(network=network)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for hours, rx in ((0, 10), (1, 5), (30, 7)):
        TrafficHour.objects.create(node=node, hour=hour - timedelta(hours=hours), rx_bytes=rx, tx_bytes=1)
    told = api.get(f"nodes/{node.pk}/traffic")
    assert (told["rx_bytes"], told["tx_bytes"], len(told["hours"])) == (15, 2, 24)
    assert [item["rx_bytes"] for item in told["hours"][-2:]] == [5, 10]
    assert api.get(f"nodes/{node.pk}/traffic?hours=48")["rx_bytes"] == 22


@pytest.mark.parametrize("hours", ["0", "745", "x", "-1"])
def test_hours_are_bounded(api: Api, network: Network, hours: str) -> None:
    node = NodeFactory(network=network)
    assert faults(api("GET", f"nodes/{node.pk}/traffic?hours={hours}")) == ["hours"]


def test_of_a_node_that_is_not_there(api: Api, network: Network) -> None:
    assert api("GET", "nodes/99/traffic").status_code == 404
