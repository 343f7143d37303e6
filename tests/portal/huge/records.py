"""What years leave behind: keys, requests, events, jobs, relays, names."""

from __future__ import annotations

from datetime import datetime, timedelta

from nodes.models import Change, DnsRecord, Job, Network, RelayRegion, RelayServer, RetiredKey
from sessions_app.models import ApiToken, AuditEntry, AuthKey, Enrolment, User
from tests import factories as make
from tests.portal.huge.rows import DIGEST, KEY, LONG, WORDS, instant, write_rows

WAITING = 10_000


def write_credentials(network: Network, owner: User, now: datetime) -> None:
    """Keys, tokens, and machines that wait."""
    here, at, mara = str(network.pk), instant(now), str(owner.pk)
    write_rows(
        AuthKey,
        2_000,
        network_id=here,
        digest=DIGEST.format("key"),
        pepper="'1'",
        hint="'gwk_' || i",
        tagged="true",
        name=f"'{LONG[:56]}' || i",
        tags="(SELECT jsonb_agg('tag:t' || g) FROM generate_series(0, 40 * (i % 7 / 6)) AS g)",
        created_by_id=mara,
        expires_at=f"{at} + make_interval(days => i % 90 - 30)",
        max_uses="NULLIF(i % 3, 0)",
    )
    write_rows(
        ApiToken,
        500,
        user_id=f"CASE WHEN i <= 100 THEN {mara} ELSE 1000 + i END",
        name=f"'{LONG[:58]}' || i",
        digest=DIGEST.format("token"),
        pepper="'1'",
        hint="'gwa_' || i",
    )
    write_rows(
        Enrolment,
        WAITING,
        network_id=here,
        code="translate((10000000 + i)::text, '0123456789', 'BCDFGHJKLM')",
        public_key=KEY.format("en"),
        source="'198.51.100.' || i % 250",
        origin="'198.51.100.' || i % 250",
        created_at=at,
        expires_at=f"{at} + interval '8 minutes'",
        reported=f"jsonb_build_object('hostname', '{LONG}.{LONG}.' || i, 'os', 'linux', 'os_version', '{WORDS[:120]}')",
        tags="(SELECT jsonb_agg('tag:t' || g) FROM generate_series(0, 30) AS g)",
    )


def write_records(network: Network, owner: User, nodes: int, now: datetime) -> None:
    """Events of each kind (the latest is about every node), relays, names, and keys that were."""
    here, at, mara = str(network.pk), instant(now), f"'user:{owner.pk}'"
    write_rows(
        Change,
        6_000,
        network_id=here,
        version="8900000 + i",
        actor=mara,
        origin="'2001:db8:ffff:ffff:ffff:ffff:ffff:1'",
        kind="(ARRAY['nodes', 'presence', 'sessions', 'users', 'credentials'])[1 + i % 5]",
        created_at=f"{at} - make_interval(secs => 6000 - i)",
        request_id="'request-' || i",
        facts="CASE i % 5 WHEN 0 THEN jsonb_build_object('nodes', jsonb_build_array(jsonb_build_object('id', i)), "
        "'removed', '[]'::jsonb) WHEN 1 THEN jsonb_build_object('online', (SELECT jsonb_agg(g) FROM "
        "generate_series(i, i + 30) AS g)) WHEN 2 THEN jsonb_build_object('ended', jsonb_build_array(i), 'reason', "
        "'revoked') WHEN 3 THEN jsonb_build_object('users', (SELECT jsonb_agg(jsonb_build_object('id', 1000 + g)) FROM "
        "generate_series(i, i + 30) AS g)) ELSE jsonb_build_object('auth_keys', (SELECT jsonb_agg(jsonb_build_object("
        f"'id', g, 'name', '{LONG}')) FROM generate_series(1, 30) AS g)) END",
    )
    ids = list(range(1, nodes + 1))
    patched = [{"ids": ids, "set": {"tags": [f"tag:t{n}" for n in range(60)]}}]
    make.ChangeFactory(
        network=network,
        version=9_000_000,
        kind="nodes",
        facts={"nodes": [], "removed": [], "patched": patched},
        actor=f"user:{owner.pk}",
        created_at=now,
    )
    write_rows(
        AuditEntry,
        3_000,
        kind="'denied'",
        actor=mara,
        created_at=f"{at} - make_interval(mins => i)",
        last_at=at,
        minute=at,
        facts=f"jsonb_build_object('method', 'POST', 'path', '/admin/{LONG}/{LONG}/{LONG}/', 'login', 'mara')",
    )
    write_rows(
        RelayRegion,
        40,
        id="i",
        network_id=here,
        number="i",
        code="'region-' || i",
        name=f"CASE WHEN i % 3 = 1 THEN '{LONG}' ELSE 'Region ' || i END",
    )
    write_rows(
        RelayServer,
        400,
        region_id="1 + i / 20 % 40",
        name="'server-' || i",
        host=f"'{LONG}.{LONG}.' || i || '.example'",
    )
    write_rows(
        DnsRecord,
        2_000,
        network_id=here,
        name=f"'{LONG}.{LONG}.' || i || '.ghost'",
        type="'A'",
        value="'10.9.0.0'::inet + i",
    )
    write_rows(
        RetiredKey,
        2_000,
        network_id=here,
        public_key=KEY.format("re"),
        node_id_was="900000 + i",
        node_name_was=f"'{LONG[:55]}' || i",
        reason="'deleted'",
    )


def write_jobs(network: Network, owner: User, nodes: int, now: datetime) -> dict[str, Job]:
    """One in each state, about everybody; and many that are done."""
    actor, ids = f"user:{owner.pk}", list(range(1, nodes + 1))
    common = {
        "network": network,
        "actor": actor,
        "node_ids": ids,
        "total": nodes,
        "created_at": now,
        "selection": {"list": "/admin/nodes/node/"},
        "arguments": {"mode": "add", "tags": [f"tag:t{n}" for n in range(60)]},
        "act": "tags",
    }
    reasons = [[pk, LONG, "would have more than 64 tags"] for pk in range(1, 101)]
    found = {
        "plan": make.JobFactory(**common | {"act": "disable", "arguments": {}}),
        "tags": make.JobFactory(**common | {"arguments": {}}),
        "running": make.JobFactory(
            **common,
            state="running",
            position=nodes // 2,
            changed=nodes // 2 - 900,
            left=900,
            started_at=now,
            reasons=reasons,
        ),
        "done": make.JobFactory(
            **common,
            state="done",
            position=nodes,
            changed=nodes - 900,
            left=900,
            ended_at=now,
            reasons=reasons,
            versions=list(range(8_999_000, 8_999_090)),
        ),
    }
    write_rows(
        Job,
        500,
        network_id=str(network.pk),
        act="'tags'",
        state="'done'",
        total="i",
        position="i",
        changed="i",
        actor=f"'{actor}'",
        created_at=f"{instant(now - timedelta(days=1))} - make_interval(hours => i)",
        ended_at=instant(now),
        versions="'[8999001]'",
    )
    return found
