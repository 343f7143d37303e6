"""Real machines, real WireGuard, real packets: the steps of the demo, asserted."""

from __future__ import annotations

import pytest

from demo.story import Story

pytestmark = pytest.mark.timeout(400)


def test_machines_reach_each_other_by_name_over_both_families(story: Story) -> None:
    story.ping_all()


def test_a_denied_pair_is_cut_within_two_seconds_running_connections_included(story: Story) -> None:
    story.forbid("alpha", "beta")


def test_of_a_pair_only_one_port_is_left_open(story: Story) -> None:
    story.open_one_port("gamma", "beta", 8080)


def test_what_rules_cut_works_again_without_them(story: Story) -> None:
    story.lift_rules()


def test_a_node_that_is_deleted_in_the_admin_is_cut_off(story: Story) -> None:
    story.delete_in_admin("alpha")


def test_down_leaves_nothing_on_the_machines(story: Story) -> None:
    story.come_down()
