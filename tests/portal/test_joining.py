"""The pages on which a person takes a machine, or turns it away."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from acl.services.tags import save_tag
from mesh.change import Cause
from mesh.keys import decode_public_key, fingerprint
from nodes.models import Network, Node
from portal.admin.enrolment import EnrolmentAdmin
from sessions_app.models import Enrolment, User
from sessions_app.services.users import create_user
from tests import factories as make

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ana(network: Network) -> User:
    return create_user(login="ana@example.com", password=PASSWORD, cause=Cause.command(), now=timezone.now())


@pytest.fixture
def waiting(network: Network) -> Enrolment:
    reported = {"hostname": "laptop", "os": "linux", "os_version": "Debian 12", "agent_version": "0.1.0"}
    made: Enrolment = make.EnrolmentFactory(network=network, reported=reported, tags=["tag:web"])
    return made


@pytest.fixture
def browser(ana: User) -> Client:
    """Ana's."""
    client = Client()
    client.force_login(ana)
    return client


def page_of(waiting: Enrolment) -> str:
    return f"/enrol/{waiting.shown_code}"


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def decide(browser: Client, waiting: Enrolment, act: str, **fields: str) -> str:
    return text_of(browser.post(page_of(waiting), {"act": act, **fields}, follow=True))


def test_a_member_logs_in_and_comes_back_to_the_machine(ana: User, waiting: Enrolment) -> None:
    client = Client()
    response = client.get(page_of(waiting))
    assert (response.status_code, response["Location"]) == (302, f"/login/?next=%2Fenrol%2F{waiting.shown_code}")
    fields = {"username": "ana@example.com", "password": PASSWORD, "next": page_of(waiting)}
    after = client.post("/login/", fields)
    assert (after.status_code, after["Location"]) == (302, page_of(waiting))
    assert "laptop" in text_of(client.get(page_of(waiting)))


def test_login_leads_nowhere_else(ana: User) -> None:
    fields = {"username": "ana@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/login/", fields)["Location"] == "/account/"


def test_the_strict_policy_holds(browser: Client, waiting: Enrolment) -> None:
    for path in ("/enrol/", page_of(waiting), "/login/"):
        policy = browser.get(path)["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src 'self';" in policy + ";"


def test_what_asks(browser: Client, waiting: Enrolment) -> None:
    text = text_of(browser.get(page_of(waiting)))
    shown = fingerprint(decode_public_key(waiting.public_key))
    for word in ("laptop", shown, "203.0.113.62", "Debian 12", "0.1.0", waiting.shown_code, "tag:web"):
        assert word in text


def test_a_hostname_is_only_text(browser: Client, network: Network) -> None:
    made = make.EnrolmentFactory(network=network, reported={"hostname": "<script>alert(1)</script>"})
    assert "<script>alert" not in text_of(browser.get(page_of(made)))


def test_the_code_is_typed(browser: Client, waiting: Enrolment) -> None:
    response = browser.post("/enrol/", {"code": f" {waiting.code.lower()} "})
    assert (response.status_code, response["Location"]) == (302, page_of(waiting))


def test_a_code_that_is_none(browser: Client, waiting: Enrolment) -> None:
    assert "No machine waits with this code" in text_of(browser.post("/enrol/", {"code": "WDJB-MJHT"}))
    missing = browser.get("/enrol/WDJB-MJHT")
    assert missing.status_code == 404
    assert b"No machine waits with this code" in missing.content


def test_codes_are_not_tried_out(browser: Client, waiting: Enrolment) -> None:
    answers = [browser.get("/enrol/WDJB-MJHT") for _ in range(20)]
    assert [answer.status_code for answer in answers[:15]] == [404] * 15
    for answer in (answers[-1], browser.post("/enrol/", {"code": "WDJB-MJHT"})):
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 0


def test_taken_as_own_device(browser: Client, waiting: Enrolment, ana: User) -> None:
    assert "laptop may join." in decide(browser, waiting, "take")
    node = Node.objects.get()
    assert (node.owner, node.name) == (ana, "laptop")


def test_tags_are_offered_to_whom_may_give_them(browser: Client, waiting: Enrolment, network: Network) -> None:
    assert "Let it in with these tags" not in text_of(browser.get(page_of(waiting)))
    save_tag(
        network_id=network.pk,
        tag="tag:web",
        owners=["user:ana@example.com"],
        cause=Cause.command(),
        now=timezone.now(),
    )
    assert "You may give tag:web." in text_of(browser.get(page_of(waiting)))
    assert "may not give tag:db" in decide(browser, waiting, "tags", tags="tag:db")
    assert "Which tags?" in decide(browser, waiting, "tags", tags="")
    decide(browser, waiting, "tags", tags="web")
    assert [row.tag for row in Node.objects.get().tags.all()] == ["tag:web"]


def test_rejected(browser: Client, waiting: Enrolment) -> None:
    assert "laptop is rejected." in decide(browser, waiting, "reject")
    assert "Take it as my device" not in text_of(browser.get(page_of(waiting)))
    assert not Node.objects.exists()


def test_nothing_chosen(browser: Client, waiting: Enrolment) -> None:
    assert "Choose what to do." in decide(browser, waiting, "dance")
    assert not Node.objects.exists()


def test_where_each_node_is_approved_a_member_is_told_whom_to_ask(
    browser: Client, waiting: Enrolment, network: Network
) -> None:
    Network.objects.filter(pk=network.pk).update(approve_nodes=True)
    assert "Somebody who approves nodes decides" in text_of(browser.get(page_of(waiting)))
    assert "Take it as my device" not in text_of(browser.get(page_of(waiting)))
    decide(browser, waiting, "take")
    assert not Node.objects.exists()


def test_a_disabled_person_sees_nothing(browser: Client, waiting: Enrolment, ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert browser.get(page_of(waiting)).status_code == 302


def test_log_out(browser: Client) -> None:
    assert browser.post("/logout/")["Location"] == "/login/"
    assert browser.get("/enrol/").status_code == 302


def test_the_list_for_administrators(client: Client, waiting: Enrolment, network: Network) -> None:
    over = make.EnrolmentFactory(network=network, expires_at=make.NOW.replace(year=2020))
    text = text_of(client.get("/admin/sessions_app/enrolment/"))
    assert "laptop" in text
    assert over.hostname not in text


def test_approved_by_an_administrator(client: Client, waiting: Enrolment, owner: User) -> None:
    address = f"/admin/sessions_app/enrolment/{waiting.pk}/do/approve/"
    assert "tag:web" in text_of(client.get(address))
    response = client.post(address, {"confirmed": "yes", "tags": ""}, follow=True)
    assert "laptop may join." in text_of(response)
    assert Node.objects.get().owner == owner
    assert "was let in" in text_of(client.get("/admin/nodes/change/"))


def test_rejected_by_an_administrator(client: Client, waiting: Enrolment) -> None:
    client.post(f"/admin/sessions_app/enrolment/{waiting.pk}/do/reject/", {"confirmed": "yes"})
    assert "laptop asked to join and was rejected" in text_of(client.get("/admin/nodes/change/"))
    waiting.refresh_from_db()
    assert waiting.state == Enrolment.State.REJECTED


@pytest.mark.parametrize(("role", "status"), [("support", 200), ("auditor", 403), ("network_admin", 403)])
def test_who_approves(as_role: Any, waiting: Enrolment, role: str, status: int) -> None:
    response = as_role(role).get(f"/admin/sessions_app/enrolment/{waiting.pk}/do/approve/")
    assert response.status_code == status
    assert {verb.right for verb in EnrolmentAdmin.verbs} == {"nodes.approve"}


def test_both_pages_lead_back_to_ones_own_devices(browser: Client, waiting: Enrolment) -> None:
    for page in ("/enrol/", page_of(waiting)):
        assert 'href="/account/"' in text_of(browser.get(page))
