"""What the policy engine takes of nodes."""

from __future__ import annotations

from mesh.netmap.facts import policy_node
from tests.mesh.netmap import world


def test_nodes_that_are_alike_share_their_tags_and_posture() -> None:
    one, other = (
        policy_node(world.node(ident, user=None, tags=("tag:a", "tag:b"), posture={"disk": True, "build": "22"}))
        for ident in (1, 2)
    )
    assert one.tags is other.tags
    assert one.tags == {"tag:a", "tag:b"}
    assert one.posture is other.posture
    assert one.posture == (("build", "22"), ("disk", True))


def test_what_a_node_reported_keeps_its_kind_beside_others_that_are_equal() -> None:
    reported = [policy_node(world.node(ident, posture={"disk": value})).posture for ident, value in ((1, True), (2, 1))]
    assert [type(posture[0][1]) for posture in reported if posture] == [bool, int]
