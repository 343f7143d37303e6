"""A network with a row of every model, and somebody of each role with something of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.test import Client
from django.utils import timezone

from coordinator.networks import ensure_network
from mesh.change import Cause
from nodes.models import Network, Node, Route
from sessions_app.models import AuthKey, Enrolment, User
from sessions_app.services.users import create_user
from sessions_app.session_engine import row_key
from tests import factories as make
from tests.admin_api.api import Api, api_for
from tests.admin_api.sample import Sample, make_sample
from tests.roles.table.people import ROLES

PASSWORD = "correct-horse-battery"
_HANDLER = Client().handler


def light_client(*, raises: bool = True) -> Client:
    """A client without middleware of its own: to load that again takes longer than many a call."""
    client = Client(raise_request_exception=raises)
    client.handler = _HANDLER
    return client


@dataclass
class Caller:
    """Somebody with a browser and a program. ``ids`` are of what is theirs."""

    name: str
    user: User | None = None
    cookie: str = ""
    api: Api = field(default_factory=Api)
    ids: dict[str, Any] = field(default_factory=dict)

    def browser(self) -> Client:
        """A new one each time: no call learns of another by its cookies."""
        client = light_client()
        if self.cookie:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.cookie
        return client


@dataclass
class World:
    """``callers`` by name: the roles, ``anonymous`` and ``disabled``."""

    sample: Sample
    callers: dict[str, Caller]
    ids: dict[str, Any]

    @property
    def network(self) -> Network:
        return self.sample.network

    def fill(self, value: Any, caller: Caller) -> Any:
        """``{node}`` by its id, however deep; a text that is nothing but an id becomes a number."""
        if isinstance(value, dict):
            return {name: self.fill(item, caller) for name, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, caller) for item in value]
        if not isinstance(value, str) or "{" not in value or '"' in value:
            return value
        known = self.ids | caller.ids
        return known[value[1:-1]] if value[1:-1] in known else value.format_map(known)


def make_world() -> World:
    """Everything that any row of the table speaks of."""
    now = timezone.now()
    change: dict[str, Any] = {"cause": Cause.command(), "now": now}
    network = ensure_network(config=settings.GHOSTWIRE, now=now, random5=b"\1\2\3\4\5")
    ana = create_user(login="ana@example.com", **change)
    create_user(login="ben@example.com", **change)
    sample = make_sample(network, ana)
    callers = {role: _caller(role, network) for role in ROLES}
    callers["disabled"] = _caller("disabled", network, role=User.Role.OWNER)
    User.objects.filter(username="disabled@example.com").update(is_active=False)
    callers["anonymous"] = Caller("anonymous")
    _one_of_each(sample, ana)
    people = {name: caller.user.pk for name, caller in callers.items() if caller.user is not None}
    return World(sample, callers, sample.ids | _more_ids(network) | people)


def row_of(world: World, label: str) -> int:
    """The id of a row of a model, of those that anything may be done with."""
    names = {"nodes.node": "node", "sessions_app.user": "user", "sessions_app.enrolment": "enrolment",
             "nodes.job": "job", "sessions_app.authkey": "auth_key", "sessions_app.nodesession": "session"}  # fmt: skip
    if label in names:
        return int(world.ids[names[label]])
    return int(apps.get_model(label)._default_manager.order_by("pk").values_list("pk", flat=True)[0])


def _caller(name: str, network: Network, *, role: str = "") -> Caller:
    user = create_user(
        login=f"{name.replace('_', '-')}@example.com",
        role=role or name,
        password=PASSWORD,
        cause=Cause.command(),
        now=timezone.now(),
    )
    client = light_client()
    client.force_login(user)
    api, device = api_for(user), make.NodeFactory(network=network, owner=user, name=f"of-{name.replace('_', '-')}")
    make.NodeSessionFactory(node=device)
    assert api.api_token is not None
    api.client = light_client(raises=False)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    ids = {"own_device": device.pk, "api_token": api.api_token.pk, "own_session": row_key(key)}
    return Caller(name, user, key, api, ids)


def _one_of_each(sample: Sample, ana: User) -> None:
    """Rows of the models that the sample lacks; factories write them as if they had always been there."""
    network, node = sample.network, sample.node
    tagged = make.TaggedNodeFactory(network=network, tags=["tag:web"])
    make.EndpointFactory(node=node)
    make.ObservationFactory(node=node, reporter=tagged)
    make.OnlineSpanFactory(node=node)
    make.HistoryCursorFactory(network=network)
    make.SampleFactory(network=network)
    make.TrafficHourFactory(node=node)
    make.TrafficTotalFactory(node=node)
    make.NameReservationFactory(network=network)
    make.PolicyTrialFactory(network=network)
    make.PolicyBoundaryFactory(network=network)
    make.AutoApproverFactory(network=network)
    make.AutoApprovalFactory(node=tagged, prefix=make.RouteFactory(node=tagged, approved=True).prefix)
    make.NodeAttributeFactory(network=network)
    make.PasswordLinkFactory(user=make.UserFactory(username="eve"))
    make.AuditEntryFactory()
    make.EnrolmentFactory(network=network, auth_key=AuthKey.objects.get(owner=ana))


def _more_ids(network: Network) -> dict[str, Any]:
    rules = list(network.acl_rules.order_by("position").values_list("pk", flat=True))
    stranger = Enrolment.objects.get(auth_key=None)
    return {
        "spare_node": Node.objects.get(name="laptop").pk,
        "spare_user": make.UserFactory().pk,
        "first_rule": rules[0],
        "last_rule": rules[-1],
        "first_policy": 1,
        "code": stranger.shown_code,
        "enrolment": stranger.pk,
        "key_enrolment": Enrolment.objects.exclude(auth_key=None).get().pk,
        "route": Route.objects.earliest("pk").pk,
        "free_address": str(_free_address(network)),
    }


def _free_address(network: Network) -> Any:
    from ipaddress import ip_network

    return ip_network(network.ipv4_range)[1000]
