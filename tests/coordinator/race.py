"""Machines and people that act at the same moment, on a database of their own: run by ``test_race``.

``python -m tests.coordinator.race THREADS`` prints one JSON object: what came out of each race. The configuration comes
from the environment, as a portal's does.
"""

# ruff: noqa: E402 - models can be imported once Django is set up

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "ghostwire_site.settings"

import django

django.setup()

import orjson
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.test import Client

from coordinator.enrolments import approve_enrolment
from coordinator.networks import ensure_network
from coordinator.people import Fate, delete_user
from coordinator.tail import Tail
from mesh.change import Cause
from mesh.errors import GhostWireError
from nodes.models import Address, Change, Network, Node
from nodes.services.network import update_network
from sessions_app.models import AuthKey, Enrolment, NodeSession, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from sessions_app.services.users import create_user, set_user_active
from tests.agents import Machine

CAUSE = Cause.command()


def now() -> datetime:
    return datetime.now(UTC)


def machine(hostname: str = "web") -> Machine:
    return Machine(hostname, client=Client(raise_request_exception=False, SERVER_NAME="localhost"))


def key(owner: User, **options: Any) -> str:
    network_id = options.pop("network_id", None) or Network.objects.get(name="default").pk
    return create_auth_key(
        network_id=network_id, owner_id=owner.pk, now=now(), random32=os.urandom(32), cause=Cause.command(), **options
    ).secret


def join(secret: str) -> int:
    """A new machine registers; the status."""
    status: int = machine().register(secret).status_code
    return status


def at_once(actions: Sequence[Callable[[], object]]) -> list[object]:
    """Starts all actions at one moment, each in a thread of its own; what they returned, or the class they raised."""
    start = threading.Barrier(len(actions))

    def act(action: Callable[[], object]) -> object:
        start.wait()
        try:
            return action()
        except GhostWireError as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(act, actions))


def statuses(actions: Sequence[Callable[[], Any]]) -> dict[str, int]:
    """How often each status came."""
    return dict(Counter(str(answer) for answer in at_once(actions)))


def newcomers(owner: User, threads: int) -> dict[str, Any]:
    """Machines with one hostname and one reusable key."""
    secret = key(owner, reusable=True)
    before = Network.objects.get(name="default").map_version
    answers = statuses([partial(join, secret)] * threads)
    held = Address.objects.exclude(node=None)
    twice = held.values("network", "packed").annotate(n=Count("pk")).filter(n__gt=1).count()
    versions = list(
        Change.objects.filter(network__name="default", version__gt=before)
        .order_by("version")
        .values_list("version", flat=True)
    )
    return {
        "answers": answers,
        "names": sorted(Node.objects.values_list("name", flat=True)),
        "addresses": held.count(),
        "twice": twice,
        "gapless": versions == list(range(before + 1, before + threads + 1)),
        "version": Network.objects.get(name="default").map_version == versions[-1],
    }


def one_machine(owner: User, threads: int) -> dict[str, Any]:
    """One machine that registers many times at once."""
    secret, own = key(owner, reusable=True), machine("same")
    answers = statuses([lambda: _clone(own).register(secret).status_code for _ in range(threads)])
    node = Node.objects.get(public_key=own.public_key)
    return {"answers": answers, "sessions": NodeSession.objects.filter(node=node, ended_at=None).count()}


def _clone(own: Machine) -> Machine:
    twin = machine(own.hostname)
    twin.private_key = own.private_key
    return twin


def replay(owner: User, threads: int) -> dict[str, int]:
    """One request, proof and all, sent many times at once."""
    own, secret = machine("replayed"), key(owner, reusable=True)
    body = orjson.dumps({"public_key": own.public_key, "hostname": "replayed", "auth_key": secret})
    header = {"GhostWire-Proof": own.proof("register", body)}
    return statuses(
        [lambda: _clone(own).call("post", "nodes/register", body, headers=header).status_code for _ in range(threads)]
    )


def crowded(owner: User, threads: int) -> dict[str, Any]:
    """More machines than addresses."""
    network = Network.objects.create(name="small", domain="small.ghost", ipv4_range="10.9.0.0/29", ipv6_range=None)
    secret = key(owner, reusable=True, network_id=network.pk)
    answers = statuses([partial(join, secret)] * threads)
    return {"answers": answers, "nodes": Node.objects.filter(network=network).count()}


def disable(person: User) -> bool:
    """Disables a person; whether it is active then."""
    return set_user_active(user_id=person.pk, active=False, cause=CAUSE, now=now()).is_active


def leaving(owner: User) -> dict[str, Any]:
    """A person is disabled while the person's machines come in."""
    secret = key(owner, reusable=True)
    joins: list[Callable[[], object]] = [partial(join, secret)] * 8
    answers = at_once([*joins[:4], partial(disable, owner), *joins[4:]])
    alive = NodeSession.objects.filter(node__owner=owner, ended_at=None).count()
    return {"answers": sorted({str(answer) for answer in answers}), "alive": alive}


def quota(owner: User) -> dict[str, Any]:
    """A person with room for three nodes joins with many, in several networks."""
    secrets = []
    for number in range(4):
        network = Network.objects.create(
            name=f"part{number}", domain=f"part{number}.ghost", ipv4_range=f"10.{20 + number}.0.0/24", ipv6_range=None
        )
        secrets.append(key(owner, reusable=True, network_id=network.pk))
    whole = settings.GHOSTWIRE
    auth = whole.auth.model_copy(update={"max_nodes_per_user": 3})
    settings.GHOSTWIRE = whole.model_copy(update={"auth": auth})
    try:
        answers = statuses([partial(join, secret) for secret in secrets * 3])
    finally:
        settings.GHOSTWIRE = whole
    return {"answers": answers, "nodes": Node.objects.filter(owner=owner).count()}


def delete(person: User) -> str:
    """Deletes a person with all nodes."""
    delete_user(user_id=person.pk, nodes=Fate.DELETE, cause=CAUSE, now=now())
    return "deleted"


def deleted(person: User) -> dict[str, Any]:
    """A person is deleted while the person's machines come in and a key of the person is revoked."""
    secret = key(person, reusable=True)
    row = AuthKey.objects.latest("pk")
    joins: list[Callable[[], object]] = [partial(join, secret)] * 8
    revoke = partial(revoke_auth_key, auth_key_id=row.pk, cause=CAUSE, now=now())
    answers = at_once([*joins[:4], partial(delete, person), lambda: bool(revoke()), *joins[4:]])
    left = Node.objects.filter(owner_id=person.pk).count()
    return {"answers": sorted({str(answer) for answer in answers}), "left": left}


def last_owners() -> dict[str, Any]:
    """Two owners disable each other."""
    owners = [create_user(login=f"owner{n}", role=User.Role.OWNER, cause=CAUSE, now=now()) for n in range(2)]
    answers = at_once([partial(disable, owner) for owner in owners])
    return {"answers": sorted(map(str, answers)), "left": User.objects.filter(role="owner", is_active=True).count()}


def waiting(owner: User, threads: int) -> dict[str, Any]:
    """Machines of one address ask for approval, and then many people take the one machine that waits."""
    answers = statuses([lambda: machine().register(None).status_code] * threads)
    counted = Enrolment.objects.filter(state="pending").count()
    first = Enrolment.objects.order_by("pk").first()
    assert first is not None
    people = [create_user(login=f"taker{number}", cause=CAUSE, now=now()) for number in range(threads)]
    taken = at_once([partial(take, first.pk, person) for person in people])
    nodes = Node.objects.filter(owner__in=people).count()
    return {"answers": answers, "waiting": counted, "taken": dict(Counter(map(str, taken))), "nodes": nodes}


def take(enrolment_id: int, person: User | None) -> str:
    """Somebody lets a waiting machine in."""
    approve_enrolment(enrolment_id=enrolment_id, actor=person, cause=CAUSE, now=now())
    return "taken"


def one_off_waiting(owner: User) -> dict[str, Any]:
    """Machines that wait with the same one-off key are approved at once."""
    network = Network.objects.create(
        name="careful", domain="careful.ghost", ipv4_range="10.40.0.0/24", ipv6_range=None, approve_nodes=True
    )
    secret = key(owner, network_id=network.pk)
    for number in range(3):
        one = machine()
        one.origin = f"198.51.100.{number}"
        assert one.register(secret).status_code == 202
    ids = Enrolment.objects.filter(network=network).values_list("pk", flat=True)
    approved = at_once([partial(take, pk, None) for pk in list(ids)])
    return {"approved": dict(Counter(map(str, approved))), "nodes": Node.objects.filter(network=network).count()}


def main(threads: int) -> None:
    """Run the races one after another."""
    Tail.start = lambda self: None  # type: ignore[method-assign]
    call_command("migrate", verbosity=0)
    network = ensure_network(config=settings.GHOSTWIRE, now=now(), random5=b"\1\2\3\4\5")
    update_network(network_id=network.pk, changes={"ipv4_range": "10.1.0.0/24"}, cause=CAUSE, now=now())
    ana, ben, eve, joe = (create_user(login=login, cause=CAUSE, now=now()) for login in ("ana", "ben", "eve", "joe"))
    few = min(threads, 12)
    one_off, limited = key(ana), key(ana, reusable=True, max_uses=5)
    results = {
        "newcomers": newcomers(ana, threads),
        "one_off": statuses([partial(join, one_off)] * few),
        "max_uses": statuses([partial(join, limited)] * few),
        "one_machine": one_machine(ana, few),
        "replay": replay(ana, few),
        "waiting": waiting(ana, few),
        "crowded": crowded(ana, few),
        "leaving": leaving(ben),
        "quota": quota(eve),
        "deleted": deleted(joe),
        "last_owners": last_owners(),
        "one_off_waiting": one_off_waiting(ana),
    }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
