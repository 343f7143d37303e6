from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from coordinator.admin_api.serializers.nodes import NodeOut
from nodes.models import Change, Network, Node, OnlineSpan, RetiredKey, TrafficHour
from sessions_app.models import NodeSession, User
from tests.cli.conftest import Run
from tests.factories import NodeFactory
from tests.fixtures import START, Clock, Join


@pytest.fixture
def web(join: Join) -> Node:
    join(None, "web", tags=["tag:web"], routes=["10.40.0.0/16", "0.0.0.0/0"])
    return Node.objects.get(name="web")


def test_list_has_the_shape_of_the_api(run: Run, web: Node) -> None:
    [value] = run("node", "list", "--json").json
    assert list(value) == list(NodeOut().fields)
    assert value["status"] == "waiting"


def test_list_for_people_fits(run: Run, web: Node) -> None:
    lines = run("nodes", "ls", answer="").out.splitlines()
    assert "waiting" in lines[2]
    assert max(map(len, lines)) < 200  # colours included


def test_filters(run: Run, join: Join, ana: User, web: Node) -> None:
    join(ana, "laptop")
    assert [v["name"] for v in run("node", "list", "--user", "ana@example.com", "--json").json] == ["laptop"]
    assert [v["name"] for v in run("node", "list", "--tag", "web", "--json").json] == ["web"]
    assert run("node", "list", "--status", "offline", "--json").json == []
    assert run("node", "list", "--status", "sleepy").code == 2


def test_a_node_by_any_of_its_names(run: Run, web: Node) -> None:
    address = web.addresses.get(family=4).address
    for reference in ("web", f"web.{web.network.domain}", address, f"{address}/32", str(web.pk)):
        assert run("node", "show", reference, "--json").json["id"] == web.pk


def test_show_for_people_names_routes_and_endpoints(run: Run, web: Node) -> None:
    assert "10.40.0.0/16" in run("node", "show", "web").out


def test_without_a_terminal_nothing_is_asked(run: Run, web: Node) -> None:
    assert run("node", "disable", "web").out == "web is disabled.\n"
    assert Node.objects.get().state == Node.State.DISABLED
    assert Change.objects.latest("version").actor == "command"


def test_no_at_a_terminal_changes_nothing(run: Run, web: Node) -> None:
    outcome = run("node", "delete", "web", answer="n\n")
    assert outcome.code == 1
    assert "Delete web?" in outcome.err
    assert outcome.err.endswith("Nothing was changed.\n")
    assert Node.objects.exists()


def test_the_question_names_what_is_cut(run: Run, web: Node) -> None:
    run("node", "approve-routes", "web", "10.40.0.0/16")
    asked = run("node", "disable", "web", answer="\n").err
    assert "only router of 10.40.0.0/16" in asked
    assert "Its session ends" in asked


def test_yes_and_force_go_on(run: Run, web: Node) -> None:
    assert run("node", "disable", "web", answer="yes\n").code == 0
    assert "Go on?" not in run("node", "delete", "web", "--force", answer="").err
    assert not Node.objects.exists()
    assert RetiredKey.objects.get().node_name_was == "web"


def test_delete_says_what_is_gone(run: Run, web: Node) -> None:
    assert run("node", "rm", "web", "--json").json == {"id": web.pk, "name": "web", "deleted": True}


def test_enable_refuses_what_is_not_disabled(run: Run, web: Node) -> None:
    assert run("node", "enable", "web").err == "error: web is not disabled.\n"


def test_expire_rename_and_address(run: Run, web: Node) -> None:
    assert run("node", "rename", "web", "Shop", "--json").json["name"] == "shop"
    assert run("node", "address", "shop", "10.1.0.99", "--json").json["ipv4"] == "10.1.0.99"
    assert run("node", "expire", "shop", "--json").json["status"] == "expired"


def test_one_or_all_make_new_keys(run: Run, web: Node) -> None:
    assert run("node", "rotate-key", "web", "--json").json["rotate_requested_at"] is not None
    assert run("node", "rotate-key", "--all", "--json").json == {"requested": 0}  # it was told already


@pytest.mark.parametrize("words", [[], ["web", "--all"]])
def test_new_keys_are_made_by_one_or_by_all(run: Run, web: Node, words: list[str]) -> None:
    assert run("node", "rotate-key", *words).code == 2


def test_tags_replace_add_and_remove(run: Run, web: Node) -> None:
    assert run("node", "tag", "web", "a", "tag:b", "--json").json["tags"] == ["tag:a", "tag:b"]
    assert run("node", "tag", "web", "--add", "c", "--remove", "a", "--json").json["tags"] == ["tag:b", "tag:c"]
    assert run("node", "tag", "web").code == 2
    assert run("node", "tag", "web", "--remove", "b", "--remove", "c").code == 1


def test_tagging_a_persons_node_asks_and_ends_its_session(run: Run, join: Join, ana: User) -> None:
    join(ana, "laptop")
    assert run("node", "tag", "laptop", "a", answer="n\n").code == 1
    assert run("node", "tag", "laptop", "a").code == 0
    assert not NodeSession.objects.filter(ended_at=None).exists()


def test_routes_are_approved_and_withdrawn(run: Run, web: Node) -> None:
    assert run("node", "approve-routes", "web", "exit-node").code == 0
    approved = {route["prefix"]: route["approved"] for route in run("node", "routes", "web", "--json").json}
    assert approved == {"0.0.0.0/0": True, "10.40.0.0/16": False}
    assert run("node", "approve-routes", "web", "--all").code == 0
    assert run("node", "withdraw-routes", "web", "--all").code == 0
    assert not web.routes.filter(approved=True).exists()
    assert run("node", "approve-routes", "web").code == 2
    assert run("node", "approve-routes", "web", "10.9.0.0/16").code == 1


def test_history(run: Run, web: Node, clock: Clock) -> None:
    OnlineSpan.objects.create(node=web, began=START, ended=START + timedelta(minutes=30))
    Node.objects.filter(pk=web.pk).update(created_at=START)
    clock.advance(hours=1)
    told = run("node", "history", "web", "--json").json
    assert told["days"] == [{"day": "2026-03-02", "seconds": 3600.0, "online_seconds": 1800.0, "drops": 1}]
    assert "50.0 %" in run("node", "history", "web").out


def test_traffic(run: Run, network: Network) -> None:
    node = NodeFactory(network=network, name="web")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    TrafficHour.objects.create(node=node, hour=hour, rx_bytes=3 * 2**20, tx_bytes=100)
    told = run("node", "traffic", "web")
    assert "3.0 MiB" in told.out
    assert "100 B" in told.out
    answer = run("node", "traffic", "web", "--hours", "2", "--json").json
    assert (answer["rx_bytes"], len(answer["hours"])) == (3 * 2**20, 2)
