from __future__ import annotations

import pytest
from django.conf import settings

from coordinator.admin_api.serializers.networks import NetworkOut
from nodes.models import DnsRecord, Network
from tests.cli.conftest import Run


def test_list_and_show(run: Run, network: Network) -> None:
    DnsRecord.objects.create(network=network, name="git.example", type="A", value="10.9.0.7")
    assert list(run("network", "list", "--json").json[0]) == list(NetworkOut().fields)
    shown = run("network", "show", "--json").json
    assert shown["dns_records"][0]["name"] == "git.example"
    assert shown["relay_regions"] == []
    assert "git.example" in run("network", "show", network.name).out


def test_settings_are_set(run: Run, network: Network) -> None:
    words = ("--lease", "6h", "--nameserver", "1.1.1.1", "--split-dns", "corp.example=10.0.0.53", "--no-magic-dns")
    value = run("network", "set", *words, "--json").json
    assert (value["lease_seconds"], value["nameservers"]) == (6 * 3600, ["1.1.1.1"])
    assert value["split_dns"] == {"corp.example": ["10.0.0.53"]}
    assert value["magic_dns"] is False
    assert run("network", "set", "--nameserver", "none", "--json").json["nameservers"] == []


def test_a_refusal_names_the_setting_as_the_configuration_does(run: Run, network: Network) -> None:
    assert run("network", "set", "--lease", "2d").err.startswith("error: quarantine: ")
    assert run("network", "set", "--split-dns", "corp.example").code == 1
    assert run("network", "set", "--lease", "long").code == 2
    assert run("network", "set").code == 2


def test_another_domain_is_asked_about(run: Run, network: Network) -> None:
    assert run("network", "set", "--domain", "other.ghost", answer="n\n").code == 1
    assert run("network", "set", "--domain", "other.ghost").code == 0
    assert Network.objects.get().domain == "other.ghost"


def test_what_the_configuration_gives_is_said(run: Run, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings.GHOSTWIRE.network.model_copy(update={"lease": settings.GHOSTWIRE.network.lease})
    assert "lease" in given.model_fields_set
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"network": given}))
    assert "network.lease stands in the configuration" in run("network", "set", "--lease", "6h").err


def test_a_new_epoch(run: Run, network: Network) -> None:
    assert "whole map anew" in run("network", "new-epoch", answer="n\n").err
    assert Network.objects.get().epoch == 1
    [told] = run("network", "new-epoch", "--all", "--json").json["networks"]
    assert told == {"name": network.name, "epoch": Network.objects.get().epoch}
    assert told["epoch"] > 1
    assert run("network", "new-epoch", network.name, "--all").code == 2
