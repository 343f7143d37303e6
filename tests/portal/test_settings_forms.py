"""Settings, relays, DNS records and people through their services."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import Change, DnsRecord, Network, RelayRegion, RelayServer
from sessions_app.models import User
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db


def settings_of(network: Network) -> dict[str, Any]:
    return {
        "domain": network.domain,
        "ipv4_range": network.ipv4_range,
        "ipv6_range": network.ipv6_range,
        "keepalive_seconds": 30,
        "grace_seconds": 60,
        "lease_seconds": 43200,
        "quarantine_seconds": 86400,
        "max_peers": 5000,
        "key_rotation_seconds": 2592000,
        "magic_dns": "on",
    }


def test_network_settings(client: Client, network: Any) -> None:
    sent = settings_of(network) | {"keepalive_seconds": 15, "split_dns": "corp.example = 10.0.0.53, 10.0.0.54"}
    client.post(page_url(Network, "change", network.pk), sent)
    network.refresh_from_db()
    assert network.keepalive_seconds == 15
    assert network.split_dns == {"corp.example": ["10.0.0.53", "10.0.0.54"]}
    assert Change.objects.get().kind == "network"


def test_quarantine_shorter_than_the_lease_is_refused(client: Client, network: Any) -> None:
    sent = settings_of(network) | {"quarantine_seconds": 100}
    response = client.post(page_url(Network, "change", network.pk), sent)
    assert "quarantine_seconds" in response.context["form"].errors


def test_range_in_use_is_refused(client: Client, network: Any) -> None:
    make.AddressFactory(node=make.NodeFactory(network=network))
    response = client.post(
        page_url(Network, "change", network.pk), settings_of(network) | {"ipv4_range": "10.9.0.0/16"}
    )
    assert "in use" in text_of(response)
    network.refresh_from_db()
    assert network.ipv4_range == "10.1.0.0/16"


def test_region_and_server(client: Client, network: Any) -> None:
    client.post(page_url(RelayRegion, "add"), {"network": network.pk, "number": 3, "code": "fra", "name": "Frankfurt"})
    region = RelayRegion.objects.get()
    server = {"region": region.pk, "name": "fra-1", "host": "fra-1.example.com", "port": 443, "stun_port": 0}
    client.post(page_url(RelayServer, "add"), server)
    assert RelayServer.objects.get().ipv4 is None
    client.post(page_url(RelayRegion, "do", region.pk, "delete"), {"confirmed": "yes"})
    assert not RelayServer.objects.exists()
    assert [change.kind for change in Change.objects.all()] == ["network"] * 3


def test_record_of_the_wrong_family_is_refused(client: Client, network: Any) -> None:
    sent = {"network": network.pk, "name": "wiki.mycompany.ghost", "type": "A", "value": "fd00::1"}
    response = client.post(page_url(DnsRecord, "add"), sent)
    assert "value" in response.context["form"].errors
    assert not DnsRecord.objects.exists()


def test_new_person_with_a_password(client: Client) -> None:
    sent = {"login": "ana", "role": "support", "password": "correct-horse-battery", "display_name": "Ana"}
    client.post(page_url(User, "add"), sent)
    ana = User.objects.get(username="ana")
    assert ana.check_password("correct-horse-battery")
    assert (ana.role, ana.is_staff) == ("support", True)
    assert Change.objects.get().kind == "users"


def test_weak_password_is_said_at_its_field(client: Client) -> None:
    response = client.post(page_url(User, "add"), {"login": "ana", "role": "member", "password": "1234"})
    assert "password" in response.context["form"].errors
    assert not User.objects.filter(username="ana").exists()


def test_password_never_comes_back(client: Client) -> None:
    sent = {"login": "A B", "role": "member", "password": "correct-horse-battery"}
    assert "correct-horse" not in client.post(page_url(User, "add"), sent).content.decode()


def test_disable_a_person_names_what_is_cut(client: Client, network: Any) -> None:
    ana = make.UserFactory(username="ana")
    make.NodeFactory.create_batch(2, network=network, owner=ana)
    address = page_url(User, "do", ana.pk, "disable")
    assert "2 nodes lose their peers" in text_of(client.get(address))
    client.post(address, {"confirmed": "yes", "sure": "on"})
    ana.refresh_from_db()
    assert not ana.is_active


def test_last_owner_cannot_be_disabled(client: Client, owner: Any) -> None:
    said = text_of(client.post(page_url(User, "do", owner.pk, "disable"), {"confirmed": "yes"}, follow=True))
    assert "last owner" in said
    owner.refresh_from_db()
    assert owner.is_active


def test_own_password(client: Client, owner: Any) -> None:
    owner.set_password("correct-horse-battery")
    owner.save()
    client.force_login(owner)
    sent = {"old_password": "correct-horse-battery", "new_password1": "staple-wrong-zebra", "new_password2": "x"}
    assert "differ" in text_of(client.post("/admin/password_change/", sent))
    sent["new_password2"] = sent["new_password1"]
    assert client.post("/admin/password_change/", sent).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("staple-wrong-zebra")
    assert client.get("/admin/").status_code == 200
