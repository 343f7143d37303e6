from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.policy.own_machines import OwnLosses


class OwnMachineOut(serializers.Serializer[Any]):
    """A machine of the caller's that would lose ``lost`` of its ``peers``; ``first_lost`` are some of them. ``here``:
    the call comes from it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    here = serializers.BooleanField()
    peers = serializers.IntegerField()
    lost = serializers.IntegerField()
    first_lost = serializers.ListField(child=serializers.CharField())

    class Meta:
        ref_name = "OwnMachine"


class OwnLossesOut(serializers.Serializer[Any]):
    """What the policy would take from the caller. ``portal``: where the call comes from, this portal could not be
    reached any more."""

    portal = serializers.BooleanField()
    machines = OwnMachineOut(many=True)

    class Meta:
        ref_name = "OwnLosses"


def describe_own(losses: OwnLosses) -> dict[str, Any]:
    """Losses as ``OwnLossesOut`` takes them."""
    return {
        "portal": losses.portal,
        "machines": [
            {
                "id": item.node_id,
                "name": item.name,
                "here": item.here,
                "peers": item.peers,
                "lost": item.lost,
                "first_lost": [name for _, name in item.first_lost],
            }
            for item in losses.machines
        ],
    }
