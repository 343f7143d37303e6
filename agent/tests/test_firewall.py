"""From a map's filter to nftables: what is rendered, and what the kernel's own reader makes of it."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from typing import Any

import pytest

from agent.firewall import render_closed, render_removal, render_table
from agent.netmap import read_netmap
from agent.tests.answers import empty_map
from agent.tests.test_netmap import key, peer


def rules_of(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return lines[lines.index("chain rules {") + 1 : lines.index("}", lines.index("chain rules {"))]


def render(rules: list[dict[str, Any]], *, peers: list[dict[str, Any]] | None = None, **sets: Any) -> str:
    raw = empty_map(key(1), 1, peers=peers or [], packet_filter=rules, sets=sets)
    netmap = read_netmap(raw, own_key=key(1))
    return render_table("gw0", netmap, netmap.peers)


def rule(action: str = "accept", **more: Any) -> dict[str, Any]:
    base = {"action": action, "protocols": [6], "sources": ["10.9.0.0/16"]}
    return base | {"destinations": [{"prefix": "self", "ports": [[22, 22]]}]} | more


def elements(text: str, name: str) -> set[str]:
    line = next(line for line in text.splitlines() if f"set {name} " in line)
    return {item.strip() for item in line.split("elements = {")[1].split("}")[0].split(",")}


def test_a_rule_matches_source_destination_protocol_and_port() -> None:
    text = render([rule()])
    assert rules_of(text) == [
        "ip saddr @sources1 ip daddr { 10.77.0.1 } meta l4proto { 6 } th dport { 22 } accept",
        "drop",
    ]
    assert elements(text, "sources1") == {"10.9.0.0/16"}


def test_order_is_kept_and_deny_drops() -> None:
    text = render([rule("deny"), rule()])
    assert [line.split()[-1] for line in rules_of(text)] == ["drop", "accept", "drop"]


def test_each_family_gets_its_own_line() -> None:
    text = render([rule(sources=["10.9.0.0/16", "fd99::/64"])])
    assert rules_of(text)[1].startswith("ip6 saddr @sources2 ip6 daddr { fd77::1 }")


def test_ports_bind_tcp_udp_and_sctp_alone() -> None:
    text = render([rule(protocols=[1, 6, 17, 47, 132])])
    assert [line.split("meta ")[1] for line in rules_of(text)[:2]] == [
        "l4proto { 1, 47 } accept",
        "l4proto { 6, 17, 132 } th dport { 22 } accept",
    ]


def test_any_port_needs_no_port_match() -> None:
    text = render([rule(protocols=[1, 6], destinations=[{"prefix": "self", "ports": [[0, 65535]]}])])
    assert rules_of(text)[0].endswith("meta l4proto { 1, 6 } accept")


def test_overlapping_ports_are_merged() -> None:
    text = render([rule(destinations=[{"prefix": "self", "ports": [[80, 90], [85, 100], [101, 101], [22, 22]]}])])
    assert "th dport { 22, 80-101 }" in rules_of(text)[0]


def test_no_ports_match_nothing_that_has_ports() -> None:
    assert rules_of(render([rule(destinations=[{"prefix": "self", "ports": []}])])) == ["drop"]


def test_a_set_is_resolved_over_owners_tags_ids_and_prefixes() -> None:
    peers = [
        peer(2, user=42),
        peer(3, user=7),
        peer(4, user=None, tags=["tag:ci"]),
        peer(5, user=8),
        peer(6, user=9),
    ]
    text = render(
        [rule(sources=["set:a"])],
        peers=peers,
        a={"users": [42], "tags": ["tag:ci"], "ids": [[5, 5]], "prefixes": ["10.88.0.0/24"]},
    )
    assert elements(text, "sources1") == {"10.77.0.2", "10.77.0.4/31", "10.88.0.0/24"}


def test_a_tagged_peer_belongs_to_its_tags_and_not_to_a_user() -> None:
    text = render([rule(sources=["set:a"])], peers=[peer(2, user=42, tags=["tag:ci"])], a={"users": [42]})
    assert rules_of(text) == ["drop"]


def test_ownerless_peers_match_no_user() -> None:
    text = render([rule(sources=["set:a"])], peers=[peer(2, user=None)], a={"users": [0]})
    assert rules_of(text) == ["drop"]


def test_unknown_members_of_a_set_match_nothing() -> None:
    text = render([rule(sources=["set:a"])], peers=[peer(2)], a={"moods": ["happy"]})
    assert rules_of(text) == ["drop"]


def test_the_star_is_the_set_named_star() -> None:
    text = render([rule(sources=["*"])], peers=[peer(2)], **{"*": {"prefixes": ["10.77.0.0/16", "10.40.0.0/16"]}})
    assert elements(text, "sources1") == {"10.77.0.0/16", "10.40.0.0/16"}


def test_equal_sources_share_a_set() -> None:
    text = render([rule(), rule("deny")])
    assert text.count("set sources") == 1


def test_a_peer_that_is_no_longer_in_force_leaves_the_sets() -> None:
    raw = empty_map(
        key(1), 1, peers=[peer(2), peer(3)], packet_filter=[rule(sources=["set:a"])], sets={"a": {"users": [1]}}
    )
    netmap = read_netmap(raw, own_key=key(1))
    assert elements(render_table("gw0", netmap, netmap.peers[:1]), "sources1") == {"10.77.0.2"}


def test_a_subnet_behind_this_node_is_a_destination() -> None:
    text = render([rule(destinations=[{"prefix": "10.40.0.0/16", "ports": [[0, 65535]]}])])
    assert rules_of(text)[0] == "ip saddr @sources1 ip daddr { 10.40.0.0/16 } meta l4proto { 6 } accept"


def test_input_and_forward_pass_replies_and_end_in_drop() -> None:
    text = render([])
    for hook in ("input", "forward"):
        chain = text[text.index(f"type filter hook {hook} ") :].split("}\n\tchain")[0]
        assert 'iifname "gw0" ct direction reply ct state established,related accept' in chain
        assert chain.index("ct direction reply") < chain.index('iifname "gw0" jump rules')
    assert rules_of(text) == ["drop"]


def test_the_whole_table_is_replaced_in_one_transaction() -> None:
    assert render([]).splitlines()[:3] == [
        "table inet ghostwire_gw0",
        "delete table inet ghostwire_gw0",
        "table inet ghostwire_gw0 {",
    ]


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is not installed")
def test_nft_reads_every_kind_of_rule() -> None:
    everything = [
        rule(protocols=[1, 6, 17, 58, 132], sources=["*", "0.0.0.0/0", "::/0", "fd99::/64"]),
        rule("deny", sources=["10.9.0.1/32", "fd99::1/128"], destinations=[{"prefix": "fd40::/48", "ports": [[1, 9]]}]),
        rule(destinations=[{"prefix": "0.0.0.0/0", "ports": [[0, 65535]]}, {"prefix": "::/0", "ports": [[53, 53]]}]),
    ]
    text = render(everything, peers=[peer(2)], **{"*": {"prefixes": ["10.77.0.0/24", "10.77.0.128/25"]}})
    for ruleset in (text, render_closed("gw-0_a"), render_removal("gw0")):
        result = subprocess.run(
            ["nft", "--check", "-f", "-"], input=ruleset, capture_output=True, text=True, check=False
        )
        # Without the right to netfilter nft reads all of it, and only then is refused.
        assert result.returncode == 0 or "Operation not permitted" in result.stderr, result.stderr


def test_the_sources_of_a_large_group_collapse() -> None:
    peers = [peer(2, addresses=["10.77.1.0/32"]), peer(3, addresses=["10.77.1.1/32"])]
    text = render([rule(sources=["set:a"])], peers=peers, a={"users": [1]})
    assert {ipaddress.ip_network(item) for item in elements(text, "sources1")} == {ipaddress.ip_network("10.77.1.0/31")}
