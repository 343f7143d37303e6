"""The policy over the API: as a document, and its versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acl.models import PolicyVersion
from nodes.models import Network
from sessions_app.models import User
from tests.coordinator.policy_calls import Caller, caller

OURS = """// ours
{
    "acls": [
        {"action": "accept", "src": ["*"], "dst": ["*:22"]}, // ssh
    ],
}
"""


@pytest.fixture
def call(network: Network, ana: User) -> Caller:
    return caller("network_admin")


def put(call: Caller, text: str, query: str = "", **headers: str) -> Any:
    return call("put", f"policy{query}", text, kind="application/hujson", **headers)


def number(network: Network) -> int:
    return Network.objects.get(pk=network.pk).policy_version


def test_a_document_comes_in_and_goes_out_as_it_came(call: Caller) -> None:
    done = put(call, OURS)
    assert done.status_code == 200, done.content
    read = call("get", "policy")
    assert read.content.decode() == OURS
    assert read["Content-Type"] == "application/hujson; charset=utf-8"
    assert read["ETag"] == done["ETag"]


def test_the_answer_says_what_a_document_did(call: Caller) -> None:
    body = put(call, OURS, "?comment=from%20the%20repository").json()
    assert (body["changed"], body["version"], body["dry_run"]) == (True, 2, False)
    assert body["summary"] == "1 rule added, 1 rule removed"
    [rule] = body["difference"]["rules"]["added"]
    assert (rule["sources"], rule["ports"]) == (["*"], ["22"])
    assert PolicyVersion.objects.get(number=2).comment == "from the repository"


def test_a_document_that_changes_nothing_says_so(call: Caller, network: Network) -> None:
    put(call, OURS)
    before = Network.objects.get(pk=network.pk).map_version
    body = put(call, OURS).json()
    assert (body["changed"], body["version"], body["difference"]) == (False, 2, {})
    assert Network.objects.get(pk=network.pk).map_version == before


@pytest.mark.parametrize("kind", ["application/hujson", "application/json", "text/plain"])
def test_the_media_types_that_editors_send_are_taken(call: Caller, kind: str) -> None:
    assert call("put", "policy", OURS, kind=kind).status_code == 200


def test_another_media_type_is_refused(call: Caller) -> None:
    assert call("put", "policy", OURS, kind="application/xml").status_code == 415


def test_a_dry_run_says_what_would_change_and_changes_nothing(call: Caller, network: Network) -> None:
    body = put(call, OURS, "?dry_run=true").json()
    assert (body["changed"], body["version"], body["dry_run"]) == (True, 1, True)
    assert body["summary"] == "1 rule added, 1 rule removed"
    assert body["difference"]["rules"]["added"][0]["id"] is None
    assert number(network) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"acls": [{"action": "accept", "src": ["group:x"], "dst": ["*:*"]}]}', ("acls.0.src.0", 1, 40, "no group")),
        ('{\n  "acls": [],\n  "colour": 1\n}', ("colour", 3, 3, "unknown key")),
        ('{"acls": [],\n "acls": []}', ("", 2, 2, "already there, in line 1")),
        ('{\n"acls": [}', ("", 2, 10, "a value is missing")),
        ('{"ssh": [], "acls": []}', ("ssh", 1, 2, "not supported")),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(call: Caller, text: str, fault: tuple[str, int, int, str]) -> None:
    response = put(call, text)
    assert response.status_code == 400
    body = response.json()
    [error] = body["errors"]
    assert (error["field"], error["line"], error["column"]) == fault[:3]
    assert fault[3] in error["message"]
    assert body["detail"].startswith(f"line {fault[1]}, column {fault[2]}: ")


def test_a_preview_of_a_document_names_places_too(call: Caller) -> None:
    body = call("post", "policy/preview", {"document": '{\n"acls": 1}'}).json()
    assert [(item["field"], item["line"], item["column"]) for item in body["errors"]] == [("acls", 2, 9)]


def test_faults_of_other_calls_have_no_place(call: Caller) -> None:
    body = call("post", "acl/rules", {"action": "accept", "sources": ["group:x"], "destinations": ["*"]}).json()
    assert [set(item) for item in body["errors"]] == [{"field", "message"}]


@pytest.mark.parametrize("text", ["", "   \n"])
def test_nothing_is_no_document(call: Caller, text: str) -> None:
    assert put(call, text).status_code == 400


def test_what_is_not_utf_8_is_refused(call: Caller) -> None:
    response = call("put", "policy", b'{"acls": []} // \xff', kind="application/hujson")
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert (error["line"], error["column"], error["message"]) == (1, 17, "this is not UTF-8")


def test_an_upload_over_someone_elses_edit_is_refused(call: Caller) -> None:
    tag = call("get", "policy")["ETag"]
    call("post", "acl/rules", {"action": "accept", "sources": ["*"], "destinations": ["*"]})
    late = put(call, OURS, If_Match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "conflict")


def test_an_upload_against_what_is_in_force_is_taken(call: Caller) -> None:
    assert put(call, OURS, If_Match=call("get", "policy")["ETag"]).status_code == 200
    assert put(call, '{"acls": []}', If_Match='"2"').status_code == 200


def test_a_tag_that_is_none_is_refused(call: Caller) -> None:
    assert put(call, OURS, If_Match="yesterday").status_code == 400


def test_a_large_document_is_taken(call: Caller) -> None:
    hosts = {f"host-{index}": "192.0.2.1" for index in range(4_000)}
    assert len(json.dumps({"hosts": hosts})) > 64 * 1024
    assert put(call, json.dumps({"hosts": hosts, "acls": []})).status_code == 200


def test_versions_are_listed_newest_first(call: Caller, ana: User) -> None:
    put(call, OURS)
    body = call("get", "policy/versions?limit=1").json()
    [newest] = body["results"]
    assert (newest["number"], newest["in_force"], newest["has_document"]) == (2, True, True)
    assert newest["actor"].startswith("user:")
    assert call("get", "policy/versions?limit=1&after=2").json()["results"][0]["number"] == 1


def test_a_version_reads_as_a_document(call: Caller) -> None:
    put(call, OURS)
    put(call, '{"acls": []}')
    assert call("get", "policy/versions/2/document").content.decode() == OURS
    assert '"own devices"' in call("get", "policy/versions/1/document").content.decode()


def test_two_versions_are_compared(call: Caller) -> None:
    put(call, OURS)
    put(call, OURS.replace(":22", ":443"))
    body = call("get", "policy/versions/2/diff?to=3").json()
    assert body["summary"] == "1 rule changed"
    assert body["sections"]["rules"]["changed"][0]["members"] == ["ports"]
    assert '-        {"action": "accept", "src": ["*"], "dst": ["*:22"]}, // ssh' in body["text"]
    assert '+        {"action": "accept", "src": ["*"], "dst": ["*:443"]}, // ssh' in body["text"]


def test_a_version_is_compared_with_the_one_in_force(call: Caller) -> None:
    put(call, OURS)
    assert call("get", "policy/versions/1/diff").json()["after"] == 2


def test_a_version_is_compared_with_nothing_at_all(call: Caller) -> None:
    assert call("get", "policy/versions/0/diff?to=1").json()["summary"] == "1 rule added"


def test_going_back_is_a_new_version(call: Caller, network: Network) -> None:
    put(call, OURS)
    done = call("post", "policy/versions/1/rollback", {"comment": "too open"})
    assert done.status_code == 200, done.content
    assert (done.json()["number"], done.json()["comment"]) == (3, "too open")
    assert '"own devices"' in call("get", "policy").content.decode()


def test_going_back_from_another_version_than_one_knows_is_refused(call: Caller) -> None:
    put(call, OURS)
    assert call("post", "policy/versions/1/rollback", {}, If_Match='"1"').status_code == 412


def test_a_version_that_does_not_exist(call: Caller) -> None:
    assert call("get", "policy/versions/9").status_code == 404
    assert call("post", "policy/versions/9/rollback", {}).status_code == 404


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("auditor", 200, 403), ("support", 404, 404), ("member", 404, 404), ("admin", 200, 200)],
)
def test_who_may_read_and_write(role: str, reads: int, writes: int) -> None:
    call = caller(role)
    assert call("get", "policy").status_code == reads
    assert call("get", "policy/versions").status_code == reads
    assert put(call, OURS).status_code == writes
    assert call("post", "policy/versions/1/rollback", {}).status_code == writes
