from __future__ import annotations

import pytest
from django.conf import settings

from coordinator.admin_api.serializers.dns_records import DnsRecordOut
from nodes.models import Change, DnsRecord, Network
from sessions_app.models import User
from tests.cli.conftest import Run
from tests.fixtures import Join


@pytest.fixture
def nas(network: Network) -> DnsRecord:
    record: DnsRecord = DnsRecord.objects.create(
        network=network, name="nas.mycompany.ghost", type="A", value="192.0.2.7"
    )
    return record


def test_a_record_is_made(run: Run, network: Network) -> None:
    made = run("dns", "create", "nas.corp.example", "192.0.2.7", "--json").json
    assert list(made) == list(DnsRecordOut().fields)
    assert (made["name"], made["type"], made["value"]) == ("nas.corp.example", "A", "192.0.2.7")
    assert run("dns", "ls", "--json").json == [made]
    change = Change.objects.latest("version")
    assert (change.kind, change.actor) == ("network", "command")


def test_one_label_is_a_name_of_the_network(run: Run, network: Network) -> None:
    made = run("dns", "create", "nas", "fd00::7", "--json").json
    assert (made["name"], made["type"]) == ("nas.mycompany.ghost", "AAAA")


def test_a_name_of_a_node_is_refused(run: Run, ana: User, join: Join) -> None:
    join(ana, "web")
    outcome = run("dns", "create", "web", "192.0.2.7")
    assert (outcome.code, "name of a node" in outcome.err) == (1, True)


def test_what_is_no_address(run: Run, network: Network) -> None:
    assert run("dns", "create", "nas", "nonsense").code == 1
    assert not DnsRecord.objects.exists()


@pytest.mark.parametrize("reference", ["nas", "NAS.mycompany.ghost.", "id"])
def test_update(run: Run, nas: DnsRecord, reference: str) -> None:
    named = str(nas.pk) if reference == "id" else reference
    after = run("dns", "update", named, "--value", "fd00::9", "--json").json
    assert (after["id"], after["type"], after["value"]) == (nas.pk, "AAAA", "fd00::9")
    assert run("dns", "update", named).code == 2


def test_a_name_of_several_needs_an_id(run: Run, nas: DnsRecord) -> None:
    DnsRecord.objects.create(network=nas.network, name=nas.name, type="A", value="192.0.2.8")
    assert "take an id" in run("dns", "delete", "nas").err
    assert run("dns", "delete", str(nas.pk)).code == 0


def test_delete_asks_and_names_what_goes(run: Run, nas: DnsRecord) -> None:
    asked = run("dns", "delete", "nas", answer="n\n")
    assert "no longer leads to 192.0.2.7" in asked.err
    assert run("dns", "rm", "nas", "--json").json == {"id": nas.pk, "name": nas.name, "deleted": True}
    assert run("dns", "delete", "nas").code == 1


def test_records_of_the_configuration_come_back(run: Run, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = settings.GHOSTWIRE
    dns = whole.network.dns.model_copy(update={"records": ()})
    given = whole.network.model_copy(update={"dns": dns})
    monkeypatch.setattr(settings, "GHOSTWIRE", whole.model_copy(update={"network": given}))
    assert "network.dns.records stands in the configuration" in run("dns", "create", "nas", "192.0.2.7").err
