"""Preview, graph, heat map, reach and explanation say of a policy what the maps and filters of agents do with it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acl.models import PolicyClock
from coordinator.policy.graph import live_graph
from coordinator.policy.heat import live_heat
from coordinator.policy.reach import Reach, who_reaches, whom_it_reaches
from coordinator.replica import REPLICAS, current_state
from mesh.compile import CompiledPolicy, with_policy
from mesh.explain.flow import explain
from mesh.explain.graph import GraphBy, Grapher
from mesh.explain.heat import Axis
from mesh.explain.openings import Services
from mesh.explain.preview import preview
from mesh.netmap.maps import map_json, map_pieces
from mesh.policy import Policy
from nodes.models import Network, Node
from tests.coordinator.policy_networks import build_network, put, with_rows
from tests.coordinator.test_policies_obeyed import Filter
from tests.mesh.policy.strategies import AT, policies

pytestmark = pytest.mark.django_db
PROBES = ((6, 22), (6, 80), (17, 443), (1, 0), (47, 0))
AWAY = st.sampled_from([None, *[(pk, state) for pk in (1, 3, 4, 5) for state in ("disabled", "expired", "pending")]])
# When the schedules of the strategies are as they were at first, and when others of them are open.
INSTANTS = st.sampled_from([AT, AT + timedelta(hours=2), AT + timedelta(days=1)])


@settings(max_examples=18, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policy=policies(), away=AWAY, at=INSTANTS)
def test_all_say_the_same(network: Network, policy: Policy, away: tuple[int, str] | None, at: datetime) -> None:
    with transaction.atomic():
        PolicyClock.objects.filter(network=network).update(at=AT, next_boundary=None)
        build_network(network)
        if away is not None:
            Node.objects.filter(pk=away[0]).update(state=away[1])
        put(network, with_rows(policy))
        PolicyClock.objects.filter(network=network).update(at=at, next_boundary=None)
        REPLICAS.clear()
        state = current_state(network.pk)
        assert state.policy.at == at
        ids = [node.id for node in state.policy.world.nodes.values()]
        assert away is None or away[0] not in ids
        maps = {ident: json.loads(map_json(map_pieces(state, ident))) for ident in ids}
        check_pairs(network, state.policy, maps, at)
        check_flows(state.policy, maps)
        transaction.set_rollback(True)


def check_pairs(network: Network, compiled: CompiledPolicy, maps: dict[int, Any], at: datetime) -> None:
    """Who sees whom, by the maps of agents; and the graph, the heat map, and the preview of having no rule."""
    pairs = {tuple(sorted((ident, peer["id"]))) for ident, told in maps.items() for peer in told["peers"]}
    for by in GraphBy:
        graph = live_graph(network_id=network.pk, by=by, now=at).graph
        group = {ident: index for index, item in enumerate(graph.groups) for ident in item.ids}
        assert group.keys() == maps.keys()
        told = Counter(tuple(sorted((group[one], group[other]))) for one, other in pairs)
        assert {(edge.one, edge.other): edge.pairs for edge in graph.edges if edge.pairs} == told
    for axis in Axis:
        assert live_heat(network_id=network.pk, axis=axis).seen == len(pairs)
    lost = preview(compiled, with_policy(compiled, Policy()), limit=100)
    assert (lost.lost, set(lost.first_lost)) == (len(pairs), pairs)


def check_flows(compiled: CompiledPolicy, maps: dict[int, Any]) -> None:
    """What gets through between own addresses, by the filter of the destination; and what explain, the reach of either
    node and the graph say of it."""
    grapher = Grapher(compiled)
    filters = {ident: Filter(told) for ident, told in maps.items()}
    inward = {ident: who_reaches(compiled, ident) for ident in maps}
    onward = {ident: whom_it_reaches(compiled, ident) for ident in maps}
    for one in maps:
        for other in maps.keys() - {one}:
            routes = maps[one]["node"].get("routes") or maps[other]["node"].get("routes")
            for protocol, port in PROBES:
                passing = lets_in(filters[one], filters[other], protocol, port)
                said = explain(compiled, one, other, protocol=protocol, port=port).answers
                assert {answer.source.version for answer in said if answer.accepted} == passing
                assert listed(inward[other], one, protocol, port) == bool(passing)
                assert listed(onward[one], other, protocol, port) == bool(passing)
                opened = is_open(grapher.access(one, other).now, protocol, port)
                # Between routers what lies behind them counts as well.
                assert opened if passing else routes or not opened


def lets_in(source: Filter, target: Filter, protocol: int, port: int) -> set[int]:
    """The address families in which a flow passes; none where the nodes do not know each other."""
    if source.netmap["node"]["id"] not in {peer["id"] for peer in target.netmap["peers"]}:
        return set()
    mine, theirs = ({item.version: str(item.network_address) for item in end.own} for end in (source, target))
    return {
        version
        for version in mine.keys() & theirs.keys()
        if target.lets_in(mine[version], theirs[version], protocol, port)
    }


def listed(reach: Reach, ident: int, protocol: int, port: int) -> bool:
    return any(
        ident in group.nodes and is_open(group.services, protocol, port)
        for group in reach.groups
        if not group.networks and not group.internet
    )


def is_open(services: Services, protocol: int, port: int) -> bool:
    return any(item.first <= port <= item.last for item in dict(services).get(protocol, ()))
