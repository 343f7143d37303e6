"""The policy's document: faults by line, review, applying, conflicts, files in and out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from acl.models import AclRule, PolicyTrial, PolicyVersion
from acl.services.rules import create_rule
from coordinator.policy.documents import export_policy
from mesh.change import Cause
from nodes.models import Network
from tests.portal.pages import text_of
from tests.portal.policy.conftest import rule_names

pytestmark = pytest.mark.django_db
FILE, STATE = "/admin/access/file/", "/admin/access/file/state/"
SSH = """// ours
{
    "groups": {"group:ops": ["user:mara"]},
    "tagOwners": {"tag:db": []},
    "acls": [
        {"action": "accept", "src": ["group:ops"], "dst": ["tag:db:22"]}, // ssh
    ],
}
"""


def tag_of(network: Network) -> str:
    return export_policy(network_id=network.pk).tag


def post(client: Client, act: str, text: str, tag: str, **more: Any) -> Any:
    return client.post(FILE, {"act": act, "document": text, "tag": tag, **more})


def test_the_editor_holds_what_is_in_force(client: Client, policy: Network) -> None:
    page = client.get(FILE).content.decode()
    assert "all of it" in page
    assert "It says what policy 2 says." in page


def test_a_fault_is_named_by_its_line(client: Client, policy: Network) -> None:
    broken = SSH.replace('"group:ops"]', '"group:opps"]')
    said = text_of(client.post(STATE, {"document": broken}))
    assert "The policy did not compile, line 6. Policy 2 stays in force." in said
    assert "Line 6, column 38" in said


def test_what_the_document_itself_defines_is_meant_first(client: Client, policy: Network) -> None:
    broken = SSH.replace('"group:ops"]', '"group:opps"]')
    assert "Did you mean group:ops ?" in text_of(client.post(STATE, {"document": broken}))


def test_what_the_network_has_is_meant_with_its_ports(client: Client, policy: Network) -> None:
    broken = SSH.replace('"tag:db": []', "").replace('"tag:db:22"', '"node:servr:22"')
    assert "Did you mean node:server:22 ?" in text_of(client.post(STATE, {"document": broken}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n"acls": [', "line 2"),
        ('{"grups": {}}', "did you mean groups?"),
        ("", "line 1"),
        ('{"acls": []} }', "line 1"),
    ],
)
def test_faults_of_all_kinds_say_where(client: Client, policy: Network, text: str, said: str) -> None:
    assert said in text_of(client.post(STATE, {"document": text}))


def test_what_it_would_do_is_said_while_it_is_typed(client: Client, policy: Network) -> None:
    said = text_of(client.post(STATE, {"document": SSH.replace('"user:mara"', "")}))
    assert "−1 pair lost" in said
    assert "your own machine, loses 1 of 1 peers" in said
    assert rule_names(policy) == ["own devices", "all of it"]


def test_forms_may_end_lines_their_own_way(client: Client, policy: Network) -> None:
    post(client, "apply", SSH.replace("\n", "\r\n"), tag_of(policy))
    assert client.get("/admin/access/file/download/").content.decode() == SSH


def test_the_review_shows_what_changes_and_changes_nothing(client: Client, policy: Network) -> None:
    answer = post(client, "review", SSH, tag_of(policy))
    said = text_of(answer)
    assert "Put the document in force?" in said
    assert "added: + group: ops may reach tag: db on 22" in said
    assert "removed: − everything may reach everything" in said
    assert rule_names(policy) == ["own devices", "all of it"]


def test_a_document_with_a_fault_is_not_reviewed(client: Client, policy: Network) -> None:
    answer = post(client, "review", SSH.replace("tag:db:22", "tag:dbb:22"), tag_of(policy))
    assert answer.status_code == 422
    assert "The policy did not compile, line 6." in text_of(answer)


def test_applied_it_is_in_force_with_its_comments_and_why(client: Client, policy: Network) -> None:
    answer = client.post(FILE, {"act": "apply", "document": SSH, "tag": tag_of(policy), "comment": "ssh"}, follow=True)
    assert "Policy 3 is in force." in text_of(answer)
    assert export_policy(network_id=policy.pk).text == SSH
    assert PolicyVersion.objects.latest("number").comment == "ssh"


def test_applied_on_trial_it_reverts_unless_confirmed(client: Client, policy: Network) -> None:
    post(client, "apply", SSH, tag_of(policy), confirm_within="300")
    trial = PolicyTrial.objects.get()
    assert (trial.number, trial.former, trial.deadline - trial.began_at) == (3, 2, trial.deadline - trial.began_at)
    assert "is on trial" in client.get(FILE).content.decode()


def test_while_one_is_on_trial_nothing_else_is_applied(client: Client, trial: PolicyTrial, policy: Network) -> None:
    answer = post(client, "apply", SSH, tag_of(policy))
    assert answer.status_code == 409
    assert "Policy 3 is on trial until" in text_of(answer)
    assert answer.context["text"] == SSH


def test_two_at_once_get_both_versions_and_nothing_is_lost(client: Client, policy: Network) -> None:
    tag = tag_of(policy)
    fields = {"action": "deny", "sources": ["tag:db"], "destinations": ["*"], "name": "theirs"}
    create_rule(network_id=policy.pk, fields=fields, cause=Cause.command(), now=timezone.now())
    answer = post(client, "apply", SSH, tag)
    said = text_of(answer)
    assert answer.status_code == 409
    assert "The policy changed while you wrote. Policy 3 came into force" in said
    assert "added: + tag: db may not reach everything on any port as rule 3 theirs" in said
    assert rule_names(policy) == ["own devices", "all of it", "theirs"]
    assert answer.context["text"] == SSH
    again = post(client, "apply", SSH, answer.context["tag"])
    assert again.status_code == 302
    assert AclRule.objects.filter(network=policy).count() == 1


def test_comments_alone_are_kept_with_the_version(client: Client, policy: Network) -> None:
    post(client, "apply", SSH, tag_of(policy))
    other = SSH.replace("// ours", "// still ours")
    assert "Only comments differ." in text_of(post(client, "review", other, tag_of(policy)))
    post(client, "apply", other, tag_of(policy))
    assert export_policy(network_id=policy.pk).text == other
    policy.refresh_from_db()
    assert policy.policy_version == 3


def test_a_document_that_breaks_a_test_needs_force(client: Client, policy: Network) -> None:
    broken = SSH.replace('"acls"', '"tests": [{"src": "user:mara", "accept": ["tag:db:80"]}],\n    "acls"')
    assert "A test breaks" in text_of(post(client, "review", broken, tag_of(policy)))
    assert post(client, "apply", broken, tag_of(policy)).status_code == 409
    assert rule_names(policy) == ["own devices", "all of it"]
    assert post(client, "apply", broken, tag_of(policy), forced="yes").status_code == 302
    assert PolicyVersion.objects.latest("number").forced


def test_a_file_is_read_into_the_editor_and_no_further(client: Client, policy: Network) -> None:
    file = SimpleUploadedFile("ours.hujson", SSH.encode(), content_type="application/hujson")
    answer = post(client, "upload", "{}", tag_of(policy), file=file)
    assert answer.context["text"] == SSH
    assert "ours.hujson is in the editor" in text_of(answer)
    assert rule_names(policy) == ["own devices", "all of it"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b" " * (2 * 1024 * 1024 + 1)])
def test_a_file_that_is_none_leaves_the_editor_as_it_is(client: Client, policy: Network, content: bytes | None) -> None:
    more = {} if content is None else {"file": SimpleUploadedFile("x.json", content)}
    answer = post(client, "upload", SSH, tag_of(policy), **more)
    assert (answer.status_code, answer.context["text"]) == (422, SSH)
