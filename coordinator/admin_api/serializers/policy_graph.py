from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import QueryNumberField
from coordinator.admin_api.paging import NetworkQuery
from coordinator.policy.graph import LiveGraph, written_key
from coordinator.policy.matrix import services_words
from mesh.explain.flows import Flow
from mesh.explain.graph import LIMIT, GraphBy

MAX_GROUPS = 100


class GraphQuery(NetworkQuery):
    """Of a graph."""

    by = serializers.ChoiceField(choices=list(GraphBy), required=False, default=GraphBy.TAG)
    limit = QueryNumberField(
        required=False,
        min_value=1,
        max_value=MAX_GROUPS,
        help_text=f"How many groups are told apart at most, {LIMIT} if not given; all others are one more.",
    )


class GraphGroupOut(serializers.Serializer[Any]):
    """Nodes that stand together: each node that takes part is in one group. ``statuses``: how many are online, late,
    offline or waiting."""

    key = serializers.CharField()
    name = serializers.CharField()
    nodes = serializers.IntegerField()
    statuses = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        ref_name = "GraphGroup"


class GraphFlowOut(serializers.Serializer[Any]):
    """One direction: ``pairs`` ordered pairs of nodes have an accepted flow; each of them may use ``services``,
    ``wider`` of them more, ``at_times`` by a schedule. ``later`` more pairs may do nothing now and use ``opens`` at
    other times, ``growing`` of ``pairs`` may do more then."""

    pairs = serializers.IntegerField()
    services = serializers.ListField(child=serializers.CharField())
    wider = serializers.IntegerField()
    at_times = serializers.BooleanField()
    later = serializers.IntegerField()
    opens = serializers.ListField(child=serializers.CharField())
    growing = serializers.IntegerField()

    class Meta:
        ref_name = "GraphFlow"


class GraphEdgeOut(serializers.Serializer[Any]):
    """Two groups by index (the same one twice for within it): ``pairs`` of their nodes see each other, ``passing`` of
    these by a schedule alone; ``later`` more do not now, but may at other times."""

    one = serializers.IntegerField()
    other = serializers.IntegerField()
    pairs = serializers.IntegerField()
    passing = serializers.IntegerField()
    later = serializers.IntegerField()
    there = GraphFlowOut()
    back = GraphFlowOut()

    class Meta:
        ref_name = "GraphEdge"


class GraphOut(serializers.Serializer[Any]):
    """Groups by descending number of nodes, and an edge for each two between whose nodes there is access, now or at
    other times. ``folded`` is how many groups the last one, ``rest``, stands for."""

    by = serializers.ChoiceField(choices=list(GraphBy))
    version = serializers.IntegerField()
    groups = GraphGroupOut(many=True)
    edges = GraphEdgeOut(many=True)
    pairs = serializers.IntegerField()
    folded = serializers.IntegerField()

    class Meta:
        ref_name = "PolicyGraph"


def describe_graph(found: LiveGraph) -> dict[str, Any]:
    """A graph in the shape of ``GraphOut``."""
    graph = found.graph
    return {
        "by": graph.by,
        "version": found.state.version,
        "groups": [
            {"key": written_key(group.key), "name": found.name(group), "nodes": len(group.ids), "statuses": statuses}
            for group, statuses in zip(graph.groups, found.statuses(), strict=True)
        ],
        "edges": [
            {
                "one": edge.one,
                "other": edge.other,
                "pairs": edge.pairs,
                "passing": edge.passing,
                "later": edge.later,
                "there": _flow(there),
                "back": _flow(back),
            }
            for edge, (there, back) in zip(graph.edges, graph.flows(graph.edges), strict=True)
        ],
        "pairs": graph.pairs,
        "folded": graph.folded,
    }


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        "pairs": flow.pairs,
        "services": services_words(flow.services),
        "wider": flow.wider,
        "at_times": flow.at_times or flow.passing > 0,
        "later": flow.later,
        "opens": services_words(flow.opens),
        "growing": flow.growing,
    }
