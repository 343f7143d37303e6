"""Pages that begin behind a row: nothing twice, nothing missing, in every order and from both ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from mesh.errors import ValidationError
from nodes import counting
from nodes.counting import length_of
from nodes.keyset import Place, read_cursor, stretch
from nodes.models import Node
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db

ORDERS = [
    ("name", "-pk"),
    ("-name", "-pk"),
    ("key_expires_at", "-pk"),
    ("-key_expires_at", "-pk"),
    ("os", "pk"),
    ("pk",),
]


@pytest.fixture
def fleet(network: Any) -> list[Node]:
    """Eleven nodes with equal and empty values."""
    nodes = tagged_nodes(network, 11)
    now = timezone.now()
    for number, node in enumerate(nodes):
        Node.objects.filter(pk=node.pk).update(
            os=("linux", "", "macos")[number % 3],
            key_expires_at=None if number % 2 else now + timedelta(days=number % 4),
        )
    return nodes


def forwards(order: Any, size: int = 3) -> list[int]:
    found, place = [], None
    while True:
        page = stretch(Node.objects.all(), order, size=size, after=place)
        found += [node.pk for node in page.rows]
        if page.after is None:
            return found
        place = read_cursor(page.after.cursor())


def backwards(order: Any, size: int = 3) -> list[int]:
    page = stretch(Node.objects.all(), order, size=size, from_end=True)
    found = [node.pk for node in page.rows]
    while page.before is not None:
        page = stretch(Node.objects.all(), order, size=size, before=read_cursor(page.before.cursor()))
        found = [node.pk for node in page.rows] + found
    return found


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_all_rows_once_from_both_ends(fleet: list[Node], order: Any) -> None:
    ordered = forwards(order, size=50)
    assert sorted(ordered) == [node.pk for node in fleet]
    assert forwards(order) == backwards(order) == ordered


def test_what_is_empty_comes_last(fleet: list[Node]) -> None:
    ends = [Node.objects.get(pk=pk).key_expires_at is None for pk in forwards(("key_expires_at", "-pk"))]
    assert ends == sorted(ends)


def test_a_row_that_goes_moves_no_other(fleet: list[Node]) -> None:
    first = stretch(Node.objects.all(), ("name", "pk"), size=3)
    first.rows[0].delete()
    second = stretch(Node.objects.all(), ("name", "pk"), size=3, after=first.after)
    assert second.rows[0].name > first.rows[-1].name
    assert second.position == 3


def test_a_page_says_where_it_begins_however_it_was_reached(fleet: list[Node]) -> None:
    order = ("name", "pk")
    last = stretch(Node.objects.all(), order, size=3, from_end=True, total=11)
    again = stretch(Node.objects.all(), order, size=3, after=last.start)
    assert [node.pk for node in last.rows] == [node.pk for node in again.rows]
    assert last.position == 8


@pytest.mark.parametrize(
    "text", ["", "x", "!!!", "e30", Place((1, 2, 3)).cursor(), Place(("\x00", 1)).cursor(), "a" * 3000]
)
def test_what_is_no_place_of_this_list(fleet: list[Node], text: str) -> None:
    with pytest.raises(ValidationError):
        stretch(Node.objects.all(), (F("key_expires_at").asc(), "-pk"), size=3, after=read_cursor(text))


def test_long_lists_are_not_counted(fleet: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(length_of(Node.objects.all())) == "11"
    monkeypatch.setattr(counting, "_planned", lambda rows: 48_213)
    if Node.objects.db == "default" and connection.vendor == "postgresql":
        assert str(length_of(Node.objects.all(), exactly=10)) == "about 48,000"


def test_the_pages_of_the_list(client: Client, network: Any) -> None:
    tagged_nodes(network, 120)
    address = page_url(Node, "changelist") + "?tag=web&o=1"
    seen, places = [], []
    while address:
        page = client.get(address)
        seen += [node.pk for node in page.context["cl"].result_list]
        places.append(text_of(page))
        link = next((href for href in read(page).hrefs if "after=" in href), "")
        address = page_url(Node, "changelist") + link if link else ""
    assert len(seen) == len(set(seen)) == 120
    assert ["1–50 of 120" in places[0], "51–100 of 120" in places[1], "101–120 of 120" in places[2]] == [True] * 3
    last = client.get(page_url(Node, "changelist") + "?tag=web&o=1&end=1")
    assert [node.pk for node in last.context["cl"].result_list] == seen[70:]


def test_filters_begin_at_the_first_page(client: Client, network: Any) -> None:
    tagged_nodes(network, 60)
    page = client.get(page_url(Node, "changelist") + "?end=1")
    assert not [href for href in read(page).hrefs if "status=" in href and ("end=" in href or "after=" in href)]


def test_a_place_of_nowhere_is_the_first_page(client: Client, network: Any) -> None:
    tagged_nodes(network, 60)
    for place in ("after=x", "before=", f"after={Place((1, 2, 3)).cursor()}", "after=%00"):
        page = client.get(page_url(Node, "changelist") + f"?{place}")
        assert len(page.context["cl"].result_list) == 50


def test_nothing_found_says_among_how_many(client: Client, network: Any) -> None:
    make.NodeFactory.create_batch(3, network=network)
    said = text_of(client.get(page_url(Node, "changelist") + "?q=mongo-eu&tag=web"))
    assert "Nothing among 3 nodes has mongo-eu in its name, owner, tags, addresses or key, with the filters set" in said
