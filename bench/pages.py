"""Every list of the portal at 50,000 nodes, with its filters, orders and searches, beside a page that asks for nothing.

Pages are made in this process through the whole of Django, on a private PostgreSQL; the network is left out.

python -m bench.pages
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from bench.children import child, psql
from bench.pages_job import tag_all

NODES: Final = 50_000
ROUNDS: Final = 12
BUDGET_SECONDS: Final = 1.0
MOST_QUERIES: Final = 30
TRIVIAL: Final = "/admin/password_change/"
Row = tuple[str, str, str, bool]


def run(nodes: int = NODES) -> list[Row]:
    """Rows of (what, figure, budget, met)."""
    from tests.services.postgres import session_cluster

    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder:
        name = f"pages_{os.getpid()}"
        cluster = session_cluster()
        psql(cluster, f"CREATE DATABASE {name}")
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
            "GHOSTWIRE_CONFIG": os.devnull,
            "GHOSTWIRE_SERVER__DATA_DIR": folder,
            "GHOSTWIRE_LOGGING__LEVEL": "ERROR",
            "GHOSTWIRE_DATABASE__URL": cluster.url_of(name),
        }
        try:
            child("bench.pages", environ, "fill", nodes)
            found = child("bench.pages", environ, "pages", nodes) | child("bench.pages", environ, "job", nodes)
        finally:
            psql(cluster, f"DROP DATABASE {name} WITH (FORCE)")
    return rows_of(found, nodes)


def rows_of(found: dict[str, Any], nodes: int) -> list[Row]:
    """The table: the trivial page, one row a group of pages (its slowest), then every page."""
    trivial = found["trivial"]
    rows = [("a page that asks for nothing", f"{trivial['p50']:.0f} ms, p95 {trivial['p95']:.0f}", "-", True)]
    for what, page in found["pages"].items():
        figure = f"p95 {page['p95']:.0f} ms, p50 {page['p50']:.0f}, {page['queries']} queries"
        met = page["p95"] < BUDGET_SECONDS * 1000 and page["queries"] <= MOST_QUERIES
        rows.append((f"{nodes:,} nodes: {what}", figure, f"{BUDGET_SECONDS * 1000:,.0f} ms, {MOST_QUERIES}", met))
    for what, job in found["jobs"].items():
        figure = f"{job['seconds']:.1f} s, {job['kilobytes']:.0f} kB, replica {job['replica']:.1f} s"
        rows.append(
            (f"{job['changed']:,} nodes: {what}", f"{figure}, {job['versions']} change", "1", job["versions"] == 1)
        )
    return rows


# --- In the children


def fill(nodes: int) -> dict[str, Any]:
    """Writes the network and its history."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from bench.pages_rows import write_fleet

    return {"network": write_fleet(nodes=nodes, at=datetime.now(UTC))}


def pages(nodes: int) -> dict[str, Any]:
    """Times of all pages in milliseconds, the trivial one again and again between them."""
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client

    from sessions_app.models import User

    settings.ALLOWED_HOSTS = ["*"]
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get(pk=1))
    _hear_nodes()
    addresses = dict(_addresses(nodes, browser))
    times: dict[str, list[float]] = {what: [] for what in addresses}
    trivial: list[float] = []
    counts = {}
    for what, address in addresses.items():  # the first of each warms up, and counts
        counts[what] = _queries(browser, address)
    for _ in range(ROUNDS):
        for what, address in addresses.items():
            times[what].append(_timed(browser, address))
        trivial.append(_timed(browser, TRIVIAL))
    found = {what: _summary(taken) | {"queries": counts[what]} for what, taken in times.items()}
    return {"trivial": _summary(trivial), "pages": found}


def _hear_nodes() -> None:
    """All nodes that count as online were heard just now, but for some who are late."""
    from datetime import timedelta

    from nodes.models import Node
    from nodes.presence import presence_store

    now = datetime.now(UTC)
    store = presence_store()
    store.since(now - timedelta(days=1))
    online = list(Node.objects.filter(online=True).values_list("pk", flat=True))
    far = now + timedelta(hours=1)  # the bench runs for minutes, and nobody beats its heart
    store.touch({pk: now - timedelta(seconds=90) if pk % 400 == 1 else far for pk in online})


def _addresses(nodes: int, browser: Any) -> Iterator[tuple[str, str]]:
    from nodes.models import Node

    some = Node.objects.get(pk=nodes // 2)
    list_of = "/admin/nodes/node/"
    yield "nodes", list_of
    for words, query in {
        "status online": "status=online",
        "status late": "status=late",
        "status offline": "status=offline",
        "owner": f"owner={Node.objects.filter(owner__isnull=False).values_list('owner_id', flat=True)[0]}",
        "tag": "tag=t1",
        "system": "os=linux",
        "version": "agent=1.5.2",
        "last seen": "seen=day",
        "key expiry": "key=7",
        "key never ends": "key=never",
        "all filters": "status=online&tag=t1&os=linux&agent=1.5.2&key=never",
        "by name": "o=1",
        "by owner, descending": "o=-3",
        "by system": "o=5",
        "by last seen": "o=-6",
        "by key expiry": "o=7",
        "name": f"q={some.name}",
        "part of a name, many": "q=node-4",
        "part of a name, few": "q=de-4999",
        "owner's login": "q=user777@",
        "tag by word": "q=tag:t7",
        "address": f"q={some.addresses.get(family=4).address}",
        "first letters of an address": "q=10.0.99.",
        "IPv6 address": f"q={some.addresses.get(family=6).address}",
        "CIDR": "q=10.0.99.0/28",
        "large CIDR": "q=10.0.0.0/14",
        "IPv6 CIDR": "q=fd5e:77a1:20b3::/64",
        "a routed subnet": "q=172.20.7.9",
        "key": f"q={some.public_key[:10]}",
        "nothing": "q=mongo-eu",
        "two words": "q=node-4+tag:t1",
    }.items():
        yield f"nodes, {words}", f"{list_of}?{query}"
    yield "nodes, the last page", _last_page(browser, list_of)
    for name, queries in _OTHERS.items():
        app, model = name.split(".")
        yield model, f"/admin/{app}/{model}/"
        for query in queries:
            yield f"{model}?{query}", f"/admin/{app}/{model}/?{query}"
        yield f"{model}, the last page", _last_page(browser, f"/admin/{app}/{model}/")


_OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "sessions_app.nodesession": ("state=active", "state=revoked", "node=7", "q=node-77", "q=203.0.113.9", "o=1", "o=4"),
    "nodes.change": ("kind=nodes", "by=people", "within=day", "q=10050000", "q=user:7", "q=198.51.100.7", "o=1", "o=3"),
    "nodes.address": (
        "use=held",
        "use=quarantine",
        "family=6",
        "q=10.0.99.0/24",
        "q=node-77",
        "q=10.0.99.1",
        "o=2",
        "o=4",
    ),
    "nodes.namereservation": ("q=old-77", "o=1"),
    "nodes.endpoint": ("q=203.0.7.", "q=node-77"),
    "nodes.observation": (),
    "nodes.onlinespan": (),
    "nodes.retiredkey": ("q=old-77",),
    "nodes.route": ("q=172.20.7.9", "approval=waiting"),
    "nodes.nodetag": ("q=t7",),
    "nodes.dnsrecord": ("q=host-77",),
    "sessions_app.user": ("q=user777", "role=owner", "o=2"),
    "sessions_app.authkey": ("q=key+77", "o=1"),
    "sessions_app.authkeyuse": (),
    "sessions_app.apitoken": ("q=token+77",),
    "sessions_app.enrolment": ("q=new-77",),
    "acl.aclrule": (),
    "acl.group": (),
    "acl.groupmember": (),
    "acl.tagowner": (),
    "acl.policyversion": (),
}


def _last_page(browser: Any, address: str) -> str:
    """The address of a page far from the first one: where "last page" leads, or else the 200th."""
    text = browser.get(address).content.decode()
    last = re.search(r'<a[^>]*href="([^"]+)"[^>]*aria-label="Last page"', text)
    return address + (last.group(1).replace("&amp;", "&") if last else "")


def _queries(browser: Any, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        _timed(browser, address)
    return len(captured)


def _timed(browser: Any, address: str) -> float:
    before = time.perf_counter()
    response = browser.get(address)
    taken = (time.perf_counter() - before) * 1000
    if response.status_code != 200:
        raise RuntimeError(f"{address} answers {response.status_code}.")
    return taken


def _summary(taken: list[float]) -> dict[str, float]:
    return {"p50": statistics.median(taken), "p95": statistics.quantiles(taken, n=20, method="inclusive")[-1]}


def main() -> None:
    """One of the children's parts, or the whole table."""
    if len(sys.argv) > 1:
        part, nodes = sys.argv[1:3]
        print(json.dumps({"fill": fill, "pages": pages, "job": tag_all}[part](int(nodes))))
        return
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'}  {what:60}  {figure:>36}   budget {budget}")


if __name__ == "__main__":
    main()
