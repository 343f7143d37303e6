"""What a node's page tells of the past."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from portal.node.events import events_of
from tests import factories as make

pytestmark = pytest.mark.django_db
REGIONS = [{"id": 4, "code": "ams", "name": "Amsterdam"}]


def test_a_home_that_it_got_with_the_relays() -> None:
    node = make.NodeFactory(name="web")
    other = make.NodeFactory(name="db", network=node.network)
    node.network.map_version = 2
    node.network.save()
    for version, of in ((1, other), (2, node)):
        make.ChangeFactory(
            network=node.network,
            version=version,
            kind="network",
            facts={"network": {"name": "mesh", "relay_regions": REGIONS}, "homes": [{"region": 4, "nodes": [of.pk]}]},
        )
    lines = events_of(node, timezone.now())
    (said,) = (str(line["text"]) for line in lines if line.get("version"))
    assert re.search(r"home relay of <(\w+)[^>]*>web</\1>: ams", said)
