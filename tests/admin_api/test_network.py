"""Networks, relays, DNS records and the log of changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mesh.change import ChangeKind
from nodes.models import Change, Network
from nodes.services.retention import prune_changes
from sessions_app.models import User
from tests.admin_api.api import Api, faults, refusal
from tests.fixtures import Join


def test_a_network_by_its_name(api: Api, network: Network) -> None:
    found = api.get("networks/default")
    assert (found["name"], found["domain"], found["ipv4_range"]) == ("default", "mycompany.ghost", "10.1.0.0/16")
    assert (found["map_version"], found["epoch"]) == (Network.objects.get().map_version, 1)
    assert api.get("networks")["results"] == [found]
    assert refusal(api("GET", "networks/other")) == (404, "not_found")


def test_settings_reach_every_map(api: Api, ana: User, join: Join) -> None:
    web = join(ana, "web")
    wanted = {"lease_seconds": 3600, "nameservers": ["192.0.2.53"], "split_dns": {"corp.example": ["10.9.0.53"]}}
    changed = api.patch("networks/default", wanted)
    assert {name: changed[name] for name in wanted} == wanted
    netmap = web.netmap()
    assert (netmap["lease_seconds"], netmap["dns"]["nameservers"]) == (3600, ["192.0.2.53"])
    assert netmap["version"] == changed["map_version"]


def test_what_is_so_already_is_no_change(api: Api, network: Network) -> None:
    before = api.get("networks/default")
    assert api.patch("networks/default", {"lease_seconds": before["lease_seconds"]}) == before


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "other"}, "name"),
        ({"domain": "-"}, "domain"),
        ({"ipv4_range": "10.1.0.0"}, "ipv4_range"),
        ({"ipv4_range": None}, "ipv4_range"),
        ({"ipv6_range": "10.1.0.0/16"}, "ipv6_range"),
        ({"lease_seconds": "1h"}, "lease_seconds"),
        ({"lease_seconds": 2**31}, "lease_seconds"),
        ({"lease_seconds": 30}, "lease_seconds"),
        ({"quarantine_seconds": 3600}, "quarantine_seconds"),
        ({"magic_dns": 1}, "magic_dns"),
        ({"nameservers": ["nonsense"]}, "nameservers.0"),
        ({"nameservers": [7]}, "nameservers.0"),
        ({"split_dns": {"corp.example": []}}, "split_dns.corp.example"),
        ({"split_dns": {"not a domain": ["192.0.2.1"]}}, "split_dns"),
        ({"excluded": ["nonsense"]}, "excluded"),
        ({"search_domains": "corp.example"}, "search_domains"),
        ({"map_version": 1}, "map_version"),
    ],
)
def test_what_is_wrong_with_a_setting_is_named(api: Api, body: Any, fault: str) -> None:
    assert faults(api("PATCH", "networks/default", body)) == [fault]


def test_a_range_in_use_is_a_conflict(api: Api, ana: User, join: Join) -> None:
    join(ana, "web")
    assert refusal(api("PATCH", "networks/default", {"ipv4_range": "10.9.0.0/16"})) == (409, "conflict")


def test_relays_with_their_servers_reach_every_map(api: Api, ana: User, join: Join) -> None:
    region = api.post("relays", {"number": 3, "code": "fra", "name": "Frankfurt"}, 201)
    assert region["servers"] == []
    wanted = {"name": "one", "host": "one.example.com", "ipv4": "192.0.2.1", "ipv6": None, "port": 8443, "stun_port": 0}
    server = api.post(f"relays/{region['id']}/servers", wanted, 201)
    health = server["health"]
    assert server == {"id": server["id"], **wanted, "health": health}
    assert (health["alive"], health["checked_at"], health["fault"]) == (True, None, "")
    assert api.get(f"relays/{region['id']}")["servers"] == [server]
    assert api.get("relays")["results"][0]["servers"] == [server]
    told = join(ana, "web").netmap()["derp_map"]["regions"]["3"]
    assert (told["code"], told["nodes"]) == ("fra", [wanted])


def test_regions_and_servers_change_in_part_and_go(api: Api) -> None:
    region = api.post("relays", {"number": 3, "code": "fra", "name": "Frankfurt"}, 201)
    path = f"relays/{region['id']}"
    assert api.patch(path, {"name": "Main"})["code"] == "fra"
    server = api.post(f"{path}/servers", {"name": "one", "host": "one.example.com"}, 201)
    changed = api.patch(f"{path}/servers/{server['id']}", {"port": 8443})
    assert (changed["port"], changed["host"]) == (8443, "one.example.com")
    assert api.get(f"{path}/servers/{server['id']}") == changed
    api.delete(f"{path}/servers/{server['id']}")
    assert api.get(path)["servers"] == []
    api.delete(path)
    assert refusal(api("GET", path)) == (404, "not_found")


def test_a_server_of_another_region_is_not_found(api: Api) -> None:
    first = api.post("relays", {"number": 3, "code": "fra", "name": "Frankfurt"}, 201)
    second = api.post("relays", {"number": 4, "code": "ams", "name": "Amsterdam"}, 201)
    server = api.post(f"relays/{first['id']}/servers", {"name": "one", "host": "one.example.com"}, 201)
    for method, body in (("GET", None), ("PATCH", {"port": 1}), ("DELETE", None)):
        response = api(method, f"relays/{second['id']}/servers/{server['id']}", body)
        assert refusal(response) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"number": 0, "code": "x", "name": "X"}, "number"),
        ({"number": 2**31, "code": "x", "name": "X"}, "number"),
        ({"number": 1, "code": "not a slug", "name": "X"}, "code"),
        ({"number": 1, "code": "x"}, "name"),
    ],
)
def test_what_is_wrong_with_a_region_is_named(api: Api, body: Any, fault: str) -> None:
    assert faults(api("POST", "relays", body)) == [fault]


def test_records_are_answered_beside_names(api: Api, ana: User, join: Join) -> None:
    wanted = {"name": "printer.corp.example", "type": "A", "value": "192.0.2.7"}
    record = api.post("dns-records", wanted, 201)
    assert record == {"id": record["id"], **wanted}
    assert join(ana, "web").netmap()["dns"]["extra_records"] == [wanted]
    assert api.patch(f"dns-records/{record['id']}", {"type": "AAAA", "value": "2001:db8::7"})["value"] == "2001:db8::7"
    api.delete(f"dns-records/{record['id']}")
    assert api.get("dns-records")["results"] == []


def test_records_by_name_and_type(api: Api) -> None:
    api.post("dns-records", {"name": "a.corp.example", "type": "A", "value": "192.0.2.7"}, 201)
    api.post("dns-records", {"name": "a.corp.example", "type": "AAAA", "value": "2001:db8::7"}, 201)
    api.post("dns-records", {"name": "b.corp.example", "type": "A", "value": "192.0.2.8"}, 201)
    assert api.names("dns-records?name=a.corp.example", "type") == ["A", "AAAA"]
    assert api.names("dns-records?type=A") == ["a.corp.example", "b.corp.example"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "a.example", "type": "CNAME", "value": "192.0.2.7"}, "type"),
        ({"name": "a.example", "type": "A", "value": "2001:db8::7"}, "value"),
        ({"name": "a.example", "type": "A", "value": "nonsense"}, "value"),
        ({"name": "a.example", "type": "AAAA", "value": "fe80::1%eth0"}, "value"),
        ({"name": "a b", "type": "A", "value": "192.0.2.7"}, "name"),
        ({"name": "a.example", "type": "A"}, "value"),
    ],
)
def test_what_is_wrong_with_a_record_is_named(api: Api, body: Any, fault: str) -> None:
    assert faults(api("POST", "dns-records", body)) == [fault]


def test_a_record_does_not_take_a_nodes_name(api: Api, ana: User, join: Join) -> None:
    join(ana, "web")
    body = {"name": "web.mycompany.ghost", "type": "A", "value": "192.0.2.7"}
    assert refusal(api("POST", "dns-records", body)) == (409, "conflict")


def test_the_log_tells_who_did_what(api: Api, network: Network) -> None:
    api.post("dns-records", {"name": "a.corp.example", "type": "A", "value": "192.0.2.7"}, 201)
    latest = api.get("changes?limit=1")["results"][0]
    assert api.user is not None
    assert (latest["kind"], latest["actor"], "facts" in latest) == ("network", f"user:{api.user.pk}", False)
    whole = api.get(f"changes/{latest['version']}")
    assert whole["facts"]["network"]["dns_records"][0]["name"] == "a.corp.example"
    assert {name: whole[name] for name in latest} == latest


def test_the_log_goes_back_in_time_and_has_filters(api: Api) -> None:
    api.post("dns-records", {"name": "a.corp.example", "type": "A", "value": "192.0.2.7"}, 201)
    api.post("acl/hosts", {"name": "db", "prefix": "192.0.2.9"}, 201)
    versions = api.names("changes", "version")
    assert versions == sorted(Change.objects.values_list("version", flat=True), reverse=True)
    assert api.names("changes?kind=policy", "version") == versions[:1]
    assert api.names(f"changes?after={versions[0]}", "version") == versions[1:]
    assert api.user is not None
    assert api.names(f"changes?actor=user:{api.user.pk}", "kind") == ["policy", "network"]
    assert faults(api("GET", "changes?kind=nonsense")) == ["kind"]


def test_a_change_whose_facts_are_gone_says_so(api: Api) -> None:
    api.patch("networks/default", {"grace_seconds": 90})
    [version] = api.names("changes?kind=network&limit=1", "version")
    assert api.get(f"changes/{version}")["pruned"] is False
    prune_changes(kind=ChangeKind.NETWORK, before=timezone.now() + timedelta(days=1))
    whole = api.get(f"changes/{version}")
    assert (whole["pruned"], whole["facts"], whole["version"]) == (True, {}, version)
    assert api.get("changes?kind=network&limit=1")["results"][0]["pruned"] is True
