"""What an agent is told that comes back: a delta from what it has, or a whole map where that cannot be."""

from __future__ import annotations

import pytest

from coordinator import telling
from coordinator.fanout import CLOSE_SESSION_ENDED, Audience
from coordinator.news import News
from coordinator.replica import REPLICAS, current_state
from coordinator.tail import Tail
from coordinator.telling import first_telling, quick_telling
from mesh.errors import ThrottledError
from nodes.models import Network
from sessions_app.models import NodeSession, User
from tests.agents import Machine
from tests.fixtures import Clock, Join


@pytest.fixture
def web(ana: User, join: Join, clock: Clock) -> Machine:
    return join(ana, "web")


def audience_of(machine: Machine) -> Audience:
    session = NodeSession.objects.get(node=machine.node, ended_at=None)
    return Audience(machine.node.network_id, machine.node.pk, session.pk)


def version_now() -> int:
    return current_state(Network.objects.get().pk).version


def test_who_has_the_latest_is_told_that_nothing_changed(web: Machine) -> None:
    version = version_now()
    told = first_telling(audience_of(web), f"1.{version}")
    assert (told.pieces, told.members, told.start, told.version) == (None, None, version, version)


def test_who_missed_something_gets_the_way_from_there(web: Machine, ana: User, join: Join) -> None:
    version = version_now()
    join(ana, "db")
    told = first_telling(audience_of(web), f"1.{version}")
    assert told.members is not None
    assert b'"peers_added"' in told.members
    assert told.start == version


@pytest.mark.parametrize("since", [None, "2.1", "0.1", "1.999999"])
def test_an_unknown_epoch_or_version_brings_the_whole_map(web: Machine, since: str | None) -> None:
    version_now()
    assert first_telling(audience_of(web), since).pieces is not None


def test_a_history_that_is_gone_brings_the_whole_map(web: Machine, ana: User, join: Join) -> None:
    version = version_now()
    join(ana, "db")
    REPLICAS.clear()
    assert first_telling(audience_of(web), f"1.{version}").pieces is not None


def test_a_version_that_another_worker_told_is_caught_up_with(web: Machine, ana: User, join: Join) -> None:
    behind = version_now()
    join(ana, "db")
    ahead = Network.objects.get().map_version
    told = first_telling(audience_of(web), f"1.{ahead}", least=behind)
    assert (told.pieces, told.version) == (None, ahead)


def test_a_way_longer_than_a_map_may_be_is_told_as_the_map(
    web: Machine, ana: User, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = version_now()
    join(ana, "db")
    monkeypatch.setattr(telling, "DELTA_LIMIT", 10)
    assert first_telling(audience_of(web), f"1.{version}").pieces is not None


def test_a_session_that_ended_on_the_way_in_is_closed(web: Machine) -> None:
    audience = audience_of(web)
    assert web.call("delete", "session").status_code == 204
    assert first_telling(audience, None).code in (CLOSE_SESSION_ENDED, 4403)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The replica is as the database was a moment ago."""
    monkeypatch.setattr(Tail, "is_fresh", lambda self, network_id=None: True)


def test_from_memory_it_is_the_same(fresh: None, web: Machine, ana: User, join: Join) -> None:
    version = version_now()
    join(ana, "db")
    latest = version_now()
    audience = audience_of(web)
    for since in (f"1.{version}", f"1.{latest}"):
        assert quick_telling(audience, since, latest) == first_telling(audience, since)


def test_memory_does_not_answer_where_it_may_be_behind_or_a_map_is_needed(fresh: None, web: Machine) -> None:
    version, audience = version_now(), audience_of(web)
    assert quick_telling(audience, f"1.{version}", version + 1) is None
    for since in (None, "2.1", "1.999999"):
        assert quick_telling(audience, since, version) is None
    REPLICAS.clear()
    assert quick_telling(audience, f"1.{version}", version) is None


def test_memory_does_not_answer_while_the_replica_is_not_fresh(web: Machine) -> None:
    version = version_now()
    assert quick_telling(audience_of(web), f"1.{version}", version) is None


def test_memory_does_not_answer_for_a_session_that_ended(fresh: None, web: Machine) -> None:
    audience = audience_of(web)
    assert web.call("delete", "session").status_code == 204
    version = version_now()
    assert quick_telling(audience, f"1.{version}", version) is None


def test_whole_maps_that_are_asked_for_are_limited_and_deltas_are_not(web: Machine, clock: Clock) -> None:
    version = version_now()
    news = News(audience_of(web), epoch=1, least=version, zstd=False)
    for _ in range(5):
        news._answer(None)
    with pytest.raises(ThrottledError):
        news._answer("1.999999")
    for _ in range(20):
        assert news._answer(f"1.{version}")[1] is None
    clock.advance(seconds=6)
    news._answer(None)
