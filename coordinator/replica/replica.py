"""This process's replica of a network: the state at the latest version it read, and those just before.

It begins with a snapshot where there is one, else with the database's tables. From there it reads the change log in
order and moves; a gap, an unknown kind or a policy that cannot be followed makes it load the tables again. Readers take
``state`` and never wait.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from acl.selectors import get_version, policy_of_version
from coordinator.replica.collector import loading, resting, return_memory
from coordinator.replica.history import History
from coordinator.replica.load import Loaded, load_whole
from coordinator.snapshots import SNAPSHOTS
from coordinator.stamps import STAMP_FIELDS, Stamp, stamp_of
from mesh.errors import GhostWireError
from mesh.netmap.state import State, build_state, move_state
from mesh.policy import Policy
from mesh.steps import OutOfStepError, Step, Touch
from nodes.models import Change

log = structlog.get_logger(__name__)

# Further behind than this, loading whole is quicker than following.
MAX_STEPS: Final = 2000
# Of a step: one that leaves so much behind that it is worth while to give it back at once.
HEAVY: Final = 2000
# Instants of changes that are kept: as many as a history has states at most.
MAX_INSTANTS: Final = 256


class Replica:
    """One network. ``catch_up`` may be called from any thread; one of them works, the others wait for it."""

    def __init__(self, network_id: int) -> None:
        self.network_id = network_id
        self._lock = threading.Lock()
        self._history = History()
        self._state: State | None = None
        self._instants: dict[int, datetime] = {}
        # Of the row of the change log that the state is at.
        self._stamp: Stamp | None = None

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
            if state is not None and state.version >= version:
                return state
            if state is None:
                self._begin(version)
            elif not self._follow(version):
                self._load()
            assert self._state is not None
            return self._state

    def follow(self, version: int, *, patience: float) -> bool:
        """Comes to ``version`` by following the change log; False if that takes loading whole, or if another thread
        that is at it is not done within ``patience`` seconds."""
        state = self._state
        if state is None:
            return False
        if state.version >= version:
            return True
        if not self._lock.acquire(timeout=patience):
            return False
        try:
            return self._state is not None and (self._state.version >= version or self._follow(version))
        finally:
            self._lock.release()

    def reload(self) -> State:
        """Loads the network whole, whatever is known of it. Raises NotFoundError."""
        with self._lock:
            return self._load()

    def since(self, version: int) -> tuple[State, Touch] | None:
        """The state at ``version`` and what was concerned since; None if that is too long ago, or never was."""
        return self._history.since(version)

    def changed_at(self, version: int) -> datetime | None:
        """When the change to ``version`` was made, by its own word; None if this process did not read it lately."""
        return self._instants.get(version)

    def mark(self) -> tuple[State, Stamp] | None:
        """The state with its place in the history of the database; None before the first change."""
        with self._lock:
            return None if self._state is None or self._stamp is None else (self._state, self._stamp)

    def _follow(self, version: int) -> bool:
        """Moves along the change log as far as it goes; False where that does not lead to ``version``."""
        state = self._state
        assert state is not None
        rows = Change.objects.filter(network_id=self.network_id, version__gte=state.version).order_by("version")
        found = list(rows.values_list("version", "kind", "facts", *STAMP_FIELDS)[: MAX_STEPS + 2])
        try:
            if found and found[0][0] == state.version:
                _, _, _, *here = found.pop(0)
                if stamp_of(*here) != self._stamp:
                    raise OutOfStepError("the change log is that of another history")
            elif self._stamp is not None:
                raise OutOfStepError("the change log does not reach back to here")
            if len(found) > MAX_STEPS:
                raise OutOfStepError("too far behind")
            for number, kind, facts, *stamp in found:
                if not facts:
                    raise OutOfStepError(f"what version {number} said is gone")
                with resting():
                    state, touch = move_state(state, Step(number, kind, facts), read_policy=self._policy_in)
                self._take(state, touch, stamp_of(*stamp))
                self._note_instant(number, stamp[-1])
            if state.version < version:
                raise OutOfStepError(f"the change log ends at {state.version}, before {version}")
        except OutOfStepError as error:
            log.warning("replica.reload", network_id=self.network_id, reason=str(error))
            return False
        except GhostWireError as error:
            log.error("policy.not_compiled", network_id=self.network_id, detail=error.detail)
            return False
        return True

    def _note_instant(self, version: int, at: datetime) -> None:
        self._instants[version] = at
        if len(self._instants) > MAX_INSTANTS:
            del self._instants[next(iter(self._instants))]

    def _policy_in(self, facts: Mapping[str, Any]) -> Policy:
        """The policy that a change put in force: its version is kept whole."""
        return policy_of_version(get_version(self.network_id, facts["policy_version"]))

    def _begin(self, version: int) -> None:
        with loading():
            if not (self._take_snapshot() and self._follow(version)):
                self._load()

    def _take_snapshot(self) -> bool:
        """Begins with the network's snapshot; False if none fits."""
        found = SNAPSHOTS.read(self.network_id, most_steps=MAX_STEPS)
        if found is None:
            return False
        try:
            state = build_state(found.topology, found.policy, found.at)
        except GhostWireError as error:
            log.warning("snapshot.not_used", network_id=self.network_id, reason=error.detail)
            return False
        self._take(state, Touch(), found.head.stamp)
        log.info("replica.loaded_snapshot", network_id=self.network_id, version=state.version)
        return True

    def _load(self) -> State:
        with loading():
            found = load_whole(self.network_id)
            state = self._build(found)
            self._history.clear()
            self._instants = {}
            self._take(state, Touch(), found.stamp)
        log.info("replica.loaded", network_id=self.network_id, version=state.version, nodes=len(found.topology.nodes))
        return state

    def _build(self, found: Loaded) -> State:
        policy = found.policy
        if isinstance(policy, GhostWireError):
            log.error("policy.not_readable", network_id=self.network_id, detail=policy.detail)
            policy = self._last_good()
        try:
            return build_state(found.topology, policy, found.at)
        except GhostWireError as error:
            # A policy that cannot compile never replaces one that can; without one, nobody sees anybody.
            log.error("policy.not_compiled", network_id=self.network_id, detail=error.detail)
            return build_state(found.topology, self._last_good(), found.at)

    def _take(self, state: State, touch: Touch, stamp: Stamp | None) -> None:
        weight = self._history.add(state, touch)
        if weight >= HEAVY:
            return_memory()
        self._state, self._stamp = state, stamp

    def _last_good(self) -> Policy:
        return Policy() if self._state is None else self._state.policy.policy
