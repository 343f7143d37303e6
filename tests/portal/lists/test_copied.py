"""The command and the call that a page gives to copy find the very nodes of the page."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from mesh.change import Cause
from nodes.models import Node
from sessions_app.models import User
from sessions_app.services.api_tokens import create_api_token
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.portal.pages import page_url, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet(network: Any) -> User:
    """More than a page of servers, and machines of people in several states."""
    tagged_nodes(network, 60)
    ana: User = make.UserFactory(username="ana")
    now = timezone.now()
    for number, state in enumerate(("active", "disabled", "expired", "pending")):
        node = make.NodeFactory(network=network, owner=ana, state=state, os="macos", agent_version="1.4.2")
        make.AddressFactory(node=node, number=number + 2)
        Node.objects.filter(pk=node.pk).update(last_seen=now, key_expires_at=now)
    return ana


def copied(page: Any) -> list[str]:
    """What stands in the boxes to copy."""
    found = re.findall(r"<code data-gw-copy-text>(.*?)</code>", page.content.decode(), re.S)
    return [text.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&").strip() for text in found]


def ids_of_command(line: str) -> list[int]:
    words = shlex.split(line)
    assert words[:2] == ["manage.py", "nodes"]
    out = StringIO()
    call_command("nodes", *words[2:], "--json", stdout=out)
    return [item["id"] for item in json.loads(out.getvalue())]


def ids_of_call(line: str, owner: User) -> list[int]:
    words = shlex.split(line)
    token = create_api_token(
        user_id=owner.pk, name="copy", expires_at=None, now=timezone.now(), random32=bytes(32), cause=Cause.command()
    )
    header = words[words.index("-H") + 1].replace("$GHOSTWIRE_API_TOKEN", token.secret).partition(": ")
    answer = Client().get(re.sub(r"^https?://[^/]+", "", words[-1]), headers={header[0]: header[2]})
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["results"]]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?status=offline",
        "?status=expired",
        "?status=waiting&o=-1",
        "?owner={ana}&os=macos&agent=1.4.2",
        "?tag=web&o=1",
        "?seen=hour&o=-6",
        "?key=never&o=7",
        "?q=10.1.0.0/24&o=3",
        "?q=M-1+tag%3Aweb",
        "?end=1&o=-5",
    ],
)
def test_the_copied_lines_find_the_page(client: Client, fleet: User, owner: User, query: str) -> None:
    page = client.get(page_url(Node, "changelist") + query.format(ana=fleet.pk))
    shown = [node.pk for node in page.context["cl"].result_list]
    assert shown
    command, call = copied(page)
    assert ids_of_command(command) == shown
    assert ids_of_call(call, owner) == shown


def test_so_do_those_of_the_second_page(client: Client, fleet: User, owner: User) -> None:
    first = client.get(page_url(Node, "changelist"))
    link = next(href for href in read(first).hrefs if "after=" in href)
    second = client.get(page_url(Node, "changelist") + link)
    shown = [node.pk for node in second.context["cl"].result_list]
    command, call = copied(second)
    assert ids_of_command(command) == shown
    assert ids_of_call(call, owner) == shown


def test_a_plan_gives_its_job_to_copy(client: Client, fleet: User) -> None:
    posted = {"action": "disable", "index": 0, "gw_all": "1", "_selected_action": ["1"]}
    answer = client.post(page_url(Node, "changelist") + "?tag=web&q=m-1", posted)
    plan = client.get(answer["Location"])
    words = shlex.split(copied(plan)[0])
    out = StringIO()
    call_command("jobs", *words[2:], "--dry-run", "--json", stdout=out)
    assert json.loads(out.getvalue())["node_ids"] == plan.context["job"].node_ids
