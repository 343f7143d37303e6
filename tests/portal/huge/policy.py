"""The policy: thousands of rules, hundreds of groups, names as long as they may be, and its history and tests."""

from __future__ import annotations

import random
from datetime import datetime

from acl.models import AclRule, Group, GroupMember, Host, PolicyTest, PolicyVersion, TagOwner
from acl.selectors import policy_facts
from acl.stored import digest_of, pack_facts
from nodes.models import Network
from sessions_app.models import User
from tests.portal.huge.rows import LONG, WORDS, write_rows

GROUPS = 300
RULES = 3_000


def write_policy(network: Network, owner: User, now: datetime) -> None:
    """Writes it, of version 301."""
    chance = random.Random(5)
    here = str(network.pk)
    write_rows(
        Group,
        GROUPS,
        id="i",
        network_id=here,
        comment=f"CASE WHEN i % 9 = 1 THEN '{WORDS}' ELSE '' END",
        name=f"CASE WHEN i % 4 = 1 THEN '{LONG[:-3]}' || lpad(i::text, 3, '0') ELSE 'group-' || i END",
    )
    write_rows(GroupMember, 5_000, group_id="1", user_id="1000 + i")
    write_rows(GroupMember, 5_000, group_id="2 + i % 298", user_id="1000 + i")
    write_rows(GroupMember, 40, group_id="1", subgroup_id="100 + i")
    write_rows(
        Host, 500, network_id=here, name="'host-' || i", prefix="'172.17.' || i % 250 || '.' || i / 250 || '/32'"
    )
    write_rows(
        TagOwner,
        60,
        network_id=here,
        tag="'tag:t' || (i - 1)",
        comment=f"'{WORDS}'",
        owners="CASE WHEN i % 20 = 1 THEN (SELECT jsonb_agg('group:group-' || g * 4) FROM generate_series(1, 70) AS g) "
        "ELSE '[]' END",
    )
    tags, groups = [f"tag:t{n}" for n in range(60)], list(network.groups.values_list("name", flat=True))
    rules = [AclRule(network=network, position=1, sources=["autogroup:member"], destinations=["autogroup:self"])]
    for position in range(2, RULES + 1):
        wide = position in (2, 50)
        sources = [f"group:{name}" for name in chance.sample(groups, 60 if wide else 1)]
        destinations = chance.sample(tags, 40 if wide else 1)
        ports = [[n * 10, n * 10 + 3] for n in range(1, 31 if wide else 2)]
        rules.append(
            AclRule(
                network=network,
                position=position,
                sources=sources,
                destinations=destinations,
                ports=ports,
                action="deny" if position % 10 == 0 else "accept",
                protocols=[6],
                enabled=position % 25 != 0,
                name=("Rule with a name that goes on and on " * 4)[:100] if wide else f"Rule {position}",
                comment=WORDS if wide else "",
            )
        )
    AclRule.objects.bulk_create(rules, 1000)
    facts = policy_facts(network.pk)
    packed, digest = pack_facts(facts), digest_of(facts)
    PolicyVersion.objects.bulk_create(
        PolicyVersion(
            network=network,
            number=number,
            facts=packed,
            digest=digest,
            actor=f"user:{owner.pk}",
            created_at=now,
            map_version=8_000_000 + number,
            summary=f"{number} rules changed",
            comment=WORDS[:490],
        )
        for number in range(2, 302)
    )
    tests = [{"destination": tag, "ports": [[443, 443]]} for tag in tags]
    PolicyTest.objects.bulk_create(
        PolicyTest(network=network, position=n, source=f"group:{groups[n]}", accept=tests if n == 1 else tests[:1])
        for n in range(1, 200)
    )
