"""This process's replica of a network: the state at the latest version it read, and those just before.

It reads the change log in order and moves; a gap, an unknown kind or a policy that cannot be followed makes it load
the network whole. Readers take ``state`` and never wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.contrib.auth import get_user_model
from django.db import transaction

from acl.selectors import get_version, load_policy, policy_clock, policy_of_version
from mesh.compile.table import Table
from mesh.errors import GhostWireError, NotFoundError
from mesh.netmap.state import State, build_state, move_state
from mesh.policy import Policy
from mesh.steps import OutOfStepError, Step, Touch
from mesh.topology import Topology, UserRecord
from nodes.models import Change, Network
from nodes.selectors import load_network_record, load_node_records
from sessions_app.services.sessions import active_sessions

log = structlog.get_logger(__name__)

KEPT_STATES: Final = 256
# Further behind than this, loading whole is quicker than following.
MAX_STEPS: Final = 2000


class Replica:
    """One network. ``catch_up`` may be called from any thread; one of them works, the others wait for it."""

    def __init__(self, network_id: int) -> None:
        self.network_id = network_id
        self._lock = threading.Lock()
        self._history: deque[tuple[State, Touch]] = deque(maxlen=KEPT_STATES)
        self._state: State | None = None

    @property
    def state(self) -> State | None:
        """The latest state; None before the first load."""
        return self._state

    def catch_up(self, version: int) -> State:
        """The state at ``version`` or later. Raises NotFoundError if the network is gone."""
        state = self._state
        if state is not None and state.version >= version:
            return state
        with self._lock:
            state = self._state
            if state is None or state.version < version:
                state = self._follow(state)
            return state

    def since(self, version: int) -> tuple[State, Touch] | None:
        """The state at ``version`` and what was concerned since; None if that is too long ago, or never was."""
        history = list(self._history)
        latest = self._state
        if latest is None or not history or version > latest.version:
            return None
        touch = Touch()
        for state, moved in reversed(history):
            if state.version == version:
                return state, touch
            touch.add(moved)
        return None

    def _follow(self, state: State | None) -> State:
        if state is None:
            return self._load()
        rows = Change.objects.filter(network_id=self.network_id, version__gt=state.version).order_by("version")
        steps = [Step(*row) for row in rows.values_list("version", "kind", "facts")[: MAX_STEPS + 1]]
        if len(steps) > MAX_STEPS:
            return self._load()
        try:
            for step in steps:
                state, touch = move_state(state, step, read_policy=self._policy_in)
                self._history.append((state, touch))
                self._state = state
        except OutOfStepError as error:
            log.warning("replica.reload", network_id=self.network_id, reason=str(error))
            return self._load()
        except GhostWireError as error:
            log.error("policy.not_compiled", network_id=self.network_id, detail=error.detail)
            return self._load()
        return state

    def _policy_in(self, facts: Mapping[str, Any]) -> Policy:
        """The policy that a change put in force: its version is kept whole."""
        return policy_of_version(get_version(self.network_id, facts["policy_version"]))

    def _load(self) -> State:
        with transaction.atomic():
            topology = load_topology(self.network_id)
            policy, at = self._readable_policy(), policy_clock(self.network_id)
        try:
            state = build_state(topology, policy, at)
        except GhostWireError as error:
            # A policy that cannot compile never replaces one that can; without one, nobody sees anybody.
            log.error("policy.not_compiled", network_id=self.network_id, detail=error.detail)
            state = build_state(topology, self._last_good(), at)
        self._history.clear()
        self._history.append((state, Touch()))
        self._state = state
        log.info("replica.loaded", network_id=self.network_id, version=state.version, nodes=len(topology.nodes))
        return state

    def _readable_policy(self) -> Policy:
        try:
            return load_policy(self.network_id)
        except GhostWireError as error:
            log.error("policy.not_readable", network_id=self.network_id, detail=error.detail)
            return self._last_good()

    def _last_good(self) -> Policy:
        return Policy() if self._state is None else self._state.policy.policy


class Replicas:
    """The replicas of this process, one a network, made when a network is first asked for."""

    def __init__(self) -> None:
        self._replicas: dict[int, Replica] = {}
        self._lock = threading.Lock()

    def of(self, network_id: int) -> Replica:
        """The replica of a network."""
        with self._lock:
            replica = self._replicas.get(network_id)
            if replica is None:
                replica = self._replicas[network_id] = Replica(network_id)
            return replica

    def clear(self) -> None:
        """Forgets everything: another database stands behind the same ids."""
        with self._lock:
            self._replicas.clear()


REPLICAS: Final = Replicas()


def current_version(network_id: int) -> int:
    """The map version of a network, in one query. Raises NotFoundError."""
    version = Network.objects.filter(pk=network_id).values_list("map_version", flat=True).first()
    if version is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return version


def current_state(network_id: int) -> State:
    """A network as it is now: one query, and what changed since the last time."""
    return REPLICAS.of(network_id).catch_up(current_version(network_id))


def load_topology(network_id: int) -> Topology:
    """A network's state from the database, within one transaction."""
    users = get_user_model().objects.only("username", "display_name", "picture_url", "is_active")
    return Topology(
        network=load_network_record(network_id),
        nodes=Table({node.id: node for node in load_node_records(network_id)}),
        users=Table(
            {
                user.pk: UserRecord(user.pk, user.username, user.display_name, user.picture_url, user.is_active)
                for user in users.iterator(2000)
            }
        ),
        sessions=Table(active_sessions(network_id)),
    )


def difference(before: State, after: State) -> Touch:
    """What differs between two states that no known steps join: every node and user that is not the same."""
    touch = Touch(policy=True, network=True)
    for old, new, found in (
        (before.topology.nodes, after.topology.nodes, touch.nodes),
        (before.topology.users, after.topology.users, touch.users),
    ):
        former = dict(old.items())
        for key, value in new.items():
            if former.pop(key, None) != value:
                found.add(key)
        found.update(former)
    return touch
