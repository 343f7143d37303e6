"""What a person must look at, each with the page that settles it, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Q
from django.http import HttpRequest

from coordinator.policy.lint import PolicyRemark, remarks_on
from coordinator.replica import REPLICAS
from nodes.models import Network, Node, RelayServer, Route
from portal import html, links, live
from portal.overview.alerts import FULL_AT
from portal.pools import PoolUse
from sessions_app.models import Enrolment
from sessions_app.roles import allows
from sessions_app.services.enrolments import live_enrolments

MOST: Final = 3
WEEK: Final = timedelta(days=7)
_remarks: dict[int, tuple[object, datetime, tuple[PolicyRemark, ...]]] = {}
REMARKS_LAST: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Need:
    """``css``: gw-bad, gw-warn or gw-wait. ``link``: a word and an address."""

    icon: str
    css: str
    title: str
    text: str
    link: tuple[str, str] | None


def needs_of(request: HttpRequest, network: Network, pools: list[PoolUse], now: datetime) -> list[Need]:
    """What this person may know of."""
    found = [*_routers(network), *_relays(request, network), *_machines(network, now), *_routes(network)]
    found += [*_keys(network, now), *_lapsed(network), *_pools(pools)]
    if allows(request.user, "policy.view"):
        found += _lint(network, now)
    return found


def _need(icon: str, css: str, title: str, text: str, link: tuple[str, str]) -> Need:
    return Need(icon, css, title, text, link if link[1] else None)


def _routers(network: Network) -> Iterator[Need]:
    """Prefixes that had several routers, of which one or none is online."""
    approved = Route.objects.filter(network=network, advertised=True, approved=True)
    rows = approved.order_by().values("prefix").annotate(all=Count("pk"), up=Count("pk", filter=Q(node__online=True)))
    for row in rows.filter(Q(up=0) | Q(all__gt=1, up=1)).order_by("up", "prefix")[:MOST]:
        prefix, url = row["prefix"], links.list_url("nodes.route", f"q={row['prefix']}")
        if row["up"] == 0:
            text = "Nothing behind it can be reached before a router is back."
            yield _need("error", "gw-bad", f"No router of {prefix} is online", text, ("Open route", url))
        else:
            name = approved.filter(prefix=prefix, node__online=True).values_list("node__name", flat=True).first()
            text = f"{row['all'] - 1} of {row['all']} routers are away. If {name} fails too, it is cut off."
            yield _need("error", "gw-bad", f"Route {prefix} has one router left", text, ("Open route", url))


def _relays(request: HttpRequest, network: Network) -> Iterator[Need]:
    if not allows(request.user, "network.view"):
        return
    dead = RelayServer.objects.filter(region__network=network, alive=False).select_related("region")
    for server in dead[:MOST]:
        url = links.change_url("nodes.relayregion", server.region_id)
        text = f"{server.get_fault_display()}. Agents are told to do without it."
        yield _need("cell_tower", "gw-bad", f"Relay server {server.name} is out", text, ("Open region", url))


def _machines(network: Network, now: datetime) -> Iterator[Need]:
    waiting = live_enrolments(now).filter(network=network, state=Enrolment.State.PENDING).order_by("created_at")
    rows = list(waiting[: MOST + 1])
    if not rows:
        return
    count = len(rows) if len(rows) <= MOST else waiting.count()
    names = ", ".join(row.hostname or "a machine" for row in rows[:MOST])
    more = f" and {count - MOST:,} more" if count > MOST else ""
    url = links.list_url("sessions_app.enrolment")
    if count == 1:
        url = links.change_url("sessions_app.enrolment", rows[0].pk)
    title = f"{html.many(count, 'machine')} {'waits' if count == 1 else 'wait'} for approval"
    text = f"{names}{more}. Requests lapse after 10 minutes."
    yield _need("how_to_reg", "gw-wait", title, text, ("Review", url))


def _routes(network: Network) -> Iterator[Need]:
    waiting = Route.objects.filter(network=network, advertised=True, approved=False).select_related("node")
    url = links.list_url("nodes.route", "approval=waiting")
    for route in waiting[:MOST]:
        text = "Nobody reaches it before someone approves it."
        yield _need("alt_route", "gw-wait", f"{route.node.name} offers {route.prefix}", text, ("Review", url))


def _keys(network: Network, now: datetime) -> Iterator[Need]:
    ending = Node.objects.filter(
        network=network, state=Node.State.ACTIVE, key_expires_at__gt=now, key_expires_at__lte=now + WEEK
    )
    for node in ending.order_by("key_expires_at")[:MOST]:
        assert node.key_expires_at is not None
        title = f"The key of {node.name} ends in {html.span_words(node.key_expires_at - now)}"
        text = "It loses its peers then, unless its owner registers it again."
        yield _need("key", "gw-warn", title, text, ("Open node", links.change_url("nodes.node", node.pk)))


def _lapsed(network: Network) -> Iterator[Need]:
    count = Node.objects.filter(live.EXPIRED, network=network).count()
    if count:
        title = f"{html.many(count, 'node')} {'has' if count == 1 else 'have'} to register again"
        url = links.list_url("nodes.node", "status=expired")
        yield _need("lock_clock", "gw-warn", title, "Expired, or marked “log in again”.", ("Show", url))


def _pools(pools: list[PoolUse]) -> Iterator[Need]:
    for pool in pools:
        if pool.is_nearly_full and pool.share < FULL_AT:
            title = f"{pool.range} is {pool.share_words} full"
            url = links.list_url("nodes.address")
            yield _need("tag", "gw-warn", title, f"{pool.words} are taken or rest.", ("Addresses", url))


def _lint(network: Network, now: datetime) -> list[Need]:
    """Of the policy in force, once this worker has it in memory: it is not worth loading the network for."""
    remarks = _remarks_on(network, now)
    found = []
    for remark in remarks[:MOST]:
        title = f"Rule {remark.position}" if remark.position else "The policy"
        url = links.rule_url(remark.rule_id) if remark.rule_id else links.rules_url()
        message = remark.message[:1].upper() + remark.message[1:]
        found.append(_need("rule", "gw-warn", f"{title} deserves a look", message, ("Show rule", url)))
    if len(remarks) > MOST:
        more = f"{len(remarks) - MOST} more remarks on the policy"
        found.append(_need("rule", "gw-warn", more, "They stand beside their rules.", ("Show", links.rules_url())))
    return found


def _remarks_on(network: Network, now: datetime) -> tuple[PolicyRemark, ...]:
    state = REPLICAS.of(network.pk).state
    if state is None:
        return ()
    known: Any = _remarks.get(network.pk)
    if known is None or known[0] is not state.policy or now - known[1] > REMARKS_LAST:
        known = _remarks[network.pk] = (state.policy, now, remarks_on(state.policy, now))
    found: tuple[PolicyRemark, ...] = known[2]
    return found
