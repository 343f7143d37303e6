"""What is photographed in which state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from nodes.models import Network
from sessions_app.models import User
from tests import factories as make
from tests.portal.browser import session_cookie
from tests.portal.huge import build_huge
from tests.portal.sample import build
from tests.portal.screens import PAGES, addresses_of
from tests.portal.screens.camera import Camera, Shot
from tests.portal.screens.faults import ANYBODY, FAULTS, away_faults, denied_faults, wrong_input
from tests.portal.screens.slow import SLOW
from tests.portal.served import database_away, served

_PLAIN: Final = [Shot("login", "/admin/login/")]


def _shots(sample: dict[str, Any]) -> list[Shot]:
    return [Shot(name, path) for name, path in addresses_of(sample).items()]


def take_usual(camera: Camera) -> None:
    """All pages of a network of fifty machines, and the login. ``start``: an empty one, when it is named."""
    if "start" in camera.wanted:
        with served(empty_network) as (url, cookie, _sample):
            camera.take(url, cookie, _FIRST)
        return
    with served(build) as (url, cookie, sample):
        camera.take(url, cookie, _shots(sample))
        camera.take(url, None, _PLAIN)


def take_empty(camera: Camera) -> None:
    """The pages that are there from the beginning; then one of each thing that has nothing."""
    with served(empty_network) as (url, cookie, sample):
        camera.take(url, cookie, [Shot("start", "/admin/"), *_shots(sample)])
        bare = one_bare_of_each(sample["network"])
        camera.take(url, cookie, [shot for shot in _shots(sample | bare) if "{" in PAGES[shot.name]])


def take_loading(camera: Camera) -> None:
    """Everything that scripts fetch, while it is on its way."""
    with served(build) as (url, cookie, sample):
        camera.take(url, cookie, [_with_ids(shot, sample) for shot in SLOW])


def take_error(camera: Camera) -> None:
    """What fails, in every way that there is."""
    with served(build) as (url, cookie, sample):
        auditor = session_cookie(User.objects.filter(role=User.Role.AUDITOR)[0], url)
        camera.take(url, cookie, [_with_ids(shot, sample) for shot in (*FAULTS, *wrong_input(sample))])
        camera.take(url, auditor, denied_faults(sample))
        camera.take(url, None, ANYBODY)
        with database_away():
            camera.take(url, cookie, away_faults(sample))


def take_huge(camera: Camera) -> None:
    """All pages of a network as large as may be."""
    with served(build_huge) as (url, cookie, sample):
        camera.take(url, cookie, _shots(sample))


def _with_ids(shot: Shot, sample: dict[str, Any]) -> Shot:
    ids = {name: row.pk for name, row in sample.items() if hasattr(row, "pk")}
    return Shot(shot.name, shot.path.format(**ids), shot.act, shot.before)


TAKE: Final[Mapping[str, Callable[[Camera], None]]] = {
    "usual": take_usual,
    "empty": take_empty,
    "loading": take_loading,
    "error": take_error,
    "huge": take_huge,
}


def _make_key(page: Any) -> None:
    page.click("text=Make a key")
    page.wait_for_selector(".gw-command")


def _line(page: Any) -> None:
    page.click("button:has-text('Make the key')")
    page.wait_for_selector(".gw-command")


_FIRST: Final = [
    Shot("start", "/admin/"),
    Shot("start-key", "/admin/", _make_key),
    Shot("enrol-line", "/admin/enrol/", _line),
]


def empty_network() -> dict[str, Any]:
    """An owner and a network in which nothing is but its first rule."""
    network = make.NetworkFactory(name="main", domain="mycompany.ghost", ipv4_range="10.1.0.0/23")
    make.AclRuleFactory(network=network, position=1, name="own devices")
    owner = make.UserFactory(username="mara", display_name="Mara Lindqvist", role=User.Role.OWNER)
    return {"network": network, "owner": owner, "rule": network.acl_rules.get(), "user": owner}


def one_bare_of_each(network: Network) -> dict[str, Any]:
    """Things without a part: a node that was never heard, a group of nobody, a region without a server."""
    owner = User.objects.get(username="mara")
    node = make.NodeFactory(network=network, name="quiet", owner=owner, os="", os_version="", agent_version="")
    job = {"network": network, "actor": f"user:{owner.pk}", "selection": {"list": "/admin/nodes/node/?status=late"}}
    return {
        "node": node,
        "router": node,
        "laptop": node,
        "own": node,
        "group": make.GroupFactory(network=network, name="nobody"),
        "region": make.RelayRegionFactory(network=network, number=1, code="fra", name="Frankfurt"),
        "key": make.AuthKeyFactory(network=network, owner=owner, name="unused"),
        "waiting": make.EnrolmentFactory(network=network, code="BCDFGHJK", reported={"hostname": "silent"}),
        "change": make.ChangeFactory(
            network=network, version=2, kind="network", facts={}, actor="system:configuration"
        ),
        "job_plan": make.JobFactory(**job, act="disable"),
        "job_tags": make.JobFactory(**job, act="tags"),
        "job_running": make.JobFactory(**job, act="expire", state="running"),
        "job_done": make.JobFactory(**job, act="expire", state="done"),
    }
