"""All that match, as a job: planned from the list, agreed to by its number, carried out, undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from coordinator.jobs.run import run_jobs
from nodes.models import Change, Job, Node
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db

LIST = "/admin/nodes/node/"


@pytest.fixture
def fleet(network: Any) -> list[Node]:
    """60 nodes that carry ``tag:web``: more than a page."""
    return tagged_nodes(network, 60)


def plan(client: Client, act: str, query: str = "?tag=web") -> Job:
    answer = client.post(LIST + query, {"action": act, "index": 0, "gw_all": "1", "_selected_action": ["1"]})
    job = Job.objects.latest("pk")
    assert answer["Location"] == page_url(Job, "change", job.pk)
    return job


def do(client: Client, job: Job, act: str, **fields: Any) -> Any:
    return client.post(page_url(Job, "change", job.pk), {"do": act, **fields})


def test_the_bar_offers_all_that_match_beyond_the_page(client: Client, fleet: list[Node]) -> None:
    assert "All 60 that match" in text_of(client.get(LIST + "?tag=web"))
    assert "that match" not in text_of(client.get(LIST + f"?q={fleet[0].name}"))


def test_a_plan_is_of_all_that_match_and_changes_nothing(client: Client, fleet: list[Node], network: Any) -> None:
    make.NodeFactory(network=network)
    job = plan(client, "disable")
    assert (job.state, job.total) == ("planned", 60)
    assert sorted(job.node_ids) == sorted(node.pk for node in fleet)
    assert not Node.objects.filter(state="disabled").exists()
    said = text_of(client.get(page_url(Job, "change", job.pk)))
    assert "Disable 60 nodes?" in said
    assert "60 of 60 change" in said


def test_consent_is_the_tick_with_the_number(client: Client, fleet: list[Node]) -> None:
    job = plan(client, "disable")
    do(client, job, "start", nodes="60")
    do(client, job, "start", nodes="59", sure="on")
    job.refresh_from_db()
    assert job.state == "planned"
    do(client, job, "start", nodes="60", sure="on")
    job.refresh_from_db()
    assert job.state == "waiting"


def test_the_work_its_page_and_its_undoing(client: Client, fleet: list[Node], owner: Any) -> None:
    job = plan(client, "disable")
    do(client, job, "start", nodes="60", sure="on")
    assert "Waits for a worker" in text_of(client.get(page_url(Job, "change", job.pk)))
    run_jobs()
    page = client.get(page_url(Job, "change", job.pk))
    assert b'data-gw-refresh="jobs"' in page.content
    assert "60 changed" in text_of(page)
    assert [change.actor for change in Change.objects.all()] == [f"user:{owner.pk}"]
    do(client, job, "undo")
    run_jobs()
    assert set(Node.objects.values_list("state", flat=True)) == {"active"}
    assert "Undone by" in text_of(client.get(page_url(Job, "change", job.pk)))


def test_tags_are_said_on_the_plan(client: Client, fleet: list[Node]) -> None:
    job = plan(client, "tags")
    assert "Say which tags" in text_of(client.get(page_url(Job, "change", job.pk)))
    refused = do(client, job, "arguments", mode="add", tags="no tag!")
    assert refused.status_code == 200
    do(client, job, "arguments", mode="add", tags="eu, tag:prod")
    said = text_of(client.get(page_url(Job, "change", job.pk)))
    assert "Add tag:eu, tag:prod to 60 nodes?" in said


def test_few_ticked_are_done_at_once_and_the_list_keeps_its_state(client: Client, network: Any) -> None:
    one = make.NodeFactory(network=network, state="pending")
    listed = LIST + "?status=waiting&o=1"
    client.post(listed, {"action": "approve", "index": 0, "_selected_action": [one.pk]})
    job = Job.objects.get()
    answer = do(client, job, "start", nodes="1", sure="on")
    assert answer["Location"] == listed
    one.refresh_from_db()
    assert one.state == "active"


def test_who_keeps_them_comes_back_to_the_list(client: Client, fleet: list[Node]) -> None:
    job = plan(client, "disable")
    assert do(client, job, "cancel")["Location"] == LIST + "?tag=web"
    assert Job.objects.get().state == "cancelled"


def test_the_list_of_jobs_and_its_short_address(client: Client, fleet: list[Node]) -> None:
    job = plan(client, "disable")
    assert client.get("/admin/jobs/")["Location"] == page_url(Job, "changelist")
    assert client.get(f"/admin/jobs/{job.pk}/")["Location"] == page_url(Job, "change", job.pk)
    assert "Disable 60 nodes" in text_of(client.get(page_url(Job, "changelist")))


def test_pages_hold_nothing_inline(client: Client, fleet: list[Node]) -> None:
    job = plan(client, "disable")
    pages = [LIST, page_url(Job, "changelist"), page_url(Job, "change", job.pk)]
    do(client, job, "start", nodes="60", sure="on")
    assert [read(client.get(page)).refused for page in (*pages, page_url(Job, "change", job.pk))] == [[]] * 4


@pytest.mark.parametrize(
    ("role", "act", "answered"),
    [
        ("support", "expire", "planned"),
        ("support", "approve", "planned"),
        ("support", "disable", "refused"),
        ("support", "tags", "refused"),
        ("admin", "delete", "planned"),
        ("network_admin", "expire", "refused"),
        ("auditor", "expire", "refused"),
        ("member", "expire", "login"),
    ],
)
def test_roles(role: str, act: str, answered: str, as_role: Callable[[str], Client], fleet: list[Node]) -> None:
    answer = as_role(role).post(
        LIST + "?tag=web", {"action": act, "index": 0, "gw_all": "1", "_selected_action": ["1"]}
    )
    jobs = [page_url(Job, "change", job.pk) for job in Job.objects.all()]
    if answered == "planned":
        assert (answer.status_code, [answer["Location"]]) == (302, jobs)
    else:
        assert jobs == []
        assert answer.status_code == {"refused": 403, "login": 302}[answered]
        assert answered == "refused" or answer["Location"].startswith("/admin/login/?")


def test_who_may_not_do_it_cannot_start_what_another_planned(
    client: Client, as_role: Callable[[str], Client], fleet: list[Node]
) -> None:
    job = plan(client, "disable")
    auditor = as_role("auditor")
    assert auditor.get(page_url(Job, "change", job.pk)).status_code == 200
    assert do(auditor, job, "start", nodes="60", sure="on").status_code == 403
    job.refresh_from_db()
    assert job.state == "planned"


def test_forged_posts_are_refused(owner: Any, fleet: list[Node]) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.post(LIST, {"action": "disable", "gw_all": "1"}).status_code == 403
    job = make.JobFactory(network=fleet[0].network, node_ids=[fleet[0].pk], total=1)
    assert do(browser, job, "start", nodes="1", sure="on").status_code == 403
    assert not Node.objects.filter(state="disabled").exists()
