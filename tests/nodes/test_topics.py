"""Word for open pages: heard in this process once it is committed, and by nobody who has left."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from django.db import transaction

from nodes import hints

Heard = list[tuple[str, int]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What pages of this process are told."""
    found: Heard = []

    def listen(topic: str, network_id: int) -> None:
        found.append((topic, network_id))

    hints.subscribe_topics(listen)
    yield found
    hints.unsubscribe_topics(listen)


def test_a_topic_names_its_network_or_all(heard: Heard) -> None:
    hints.tell_portal("jobs", 7)
    hints.tell_portal("jobs")
    assert heard == [("jobs", 7), ("jobs", 0)]


def test_who_left_hears_nothing(heard: Heard) -> None:
    found: Heard = []

    def listen(topic: str, network_id: int) -> None:
        found.append((topic, network_id))

    hints.subscribe_topics(listen)
    hints.unsubscribe_topics(listen)
    hints.tell_portal("jobs", 7)
    assert (found, heard) == ([], [("jobs", 7)])


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_back_is_told_to_nobody(heard: Heard) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        transaction.on_commit(partial(hints.tell_portal, "jobs", 7), robust=True)
        raise RuntimeError
    assert heard == []
