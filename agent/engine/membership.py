"""Who this machine is to the portal: registration, session, renewal, and what they leave in the state directory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from agent.answers import Ack, Registration, SessionGrant, Undecided, Waiting
from agent.clock import Clock
from agent.engine.rotation import Rotation
from agent.errors import LoginNeededError
from agent.rest import Portal
from agent.settings import Settings
from agent.state import Account, StateDir
from mesh.errors import AuthenticationError, PermissionDeniedError, ValidationError

_log = logging.getLogger(__name__)
_RENEW_AT: Final = 0.25  # of a session's life
_HEARTBEATS_LEFT: Final = 3.0
_RENEWAL_PAUSE: Final = 10.0


class Membership:
    """Holds the account and the auth key of one agent. ``auth_key`` lives in memory alone."""

    def __init__(
        self,
        state: StateDir,
        settings: Settings,
        portal: Portal,
        clock: Clock,
        *,
        rotation: Rotation | None = None,
    ) -> None:
        self.account = state.account()
        if self.account is not None and self.account.server != portal.origin:
            self.account = None  # another portal knows nothing of it
        self.auth_key: str | None = None
        # A person sits there, who can let this machine in without an auth key.
        self.may_ask = False
        self.waiting: Waiting | None = None
        self._state = state
        self._settings = settings
        self._portal = portal
        self._clock = clock
        self._rotation = rotation
        self._refused: set[str] = set()
        self._longest_left = 0.0
        self._renewed_at = float("-inf")

    @property
    def token(self) -> str | None:
        """The session's token, if there is one."""
        return self.account.token if self.account else None

    @property
    def is_barred(self) -> bool:
        """Whether the portal shut this node out: no registration without a person's word."""
        return self.account is not None and self.account.barred

    def usable_key(self) -> str | None:
        """An auth key that was not refused yet: the one given, else that of the file which the settings name."""
        for key in (self.auth_key, self._key_from_file()):
            if key and key not in self._refused:
                return key
        return None

    async def register(self, facts: Callable[[], dict[str, Any]]) -> Registration | Waiting:
        """Register with the auth key at hand, or ask for a person's word: then ``waiting`` says what to show.

        An endpoint that the portal does not take is left out at a second try.

        :raises LoginNeededError: if there is no usable key, and nobody to ask
        :raises AuthenticationError: and kin, as ``Portal.register``; the key then counts as used up
        """
        key = self.usable_key()
        if key is None and not self.may_ask:
            raise LoginNeededError("This machine is not registered: give it an auth key with --auth-key.")
        told = facts()
        try:
            try:
                answer = await self._enrol(key, told)
            except ValidationError as error:
                told = _without_refused_endpoints(told, error)
                answer = await self._enrol(key, told)
        except (AuthenticationError, PermissionDeniedError):
            if key is not None:
                self._refused.add(key)
            if key == self.auth_key:
                self.auth_key = None
            raise
        if isinstance(answer, Waiting):
            self.waiting = answer
            return answer
        self._enter(answer)
        return answer

    async def _enrol(self, auth_key: str | None, facts: dict[str, Any]) -> Registration | Waiting:
        """Register; where the answer to a rotation was lost and the key is refused, with the one that follows it.

        That one may be the node's already, and the one before retired: then nothing else brings the node back.
        """
        try:
            return await self._portal.register(auth_key=auth_key, facts=facts)
        except PermissionDeniedError:
            if self._rotation is None or self._rotation.next_key is None:
                raise
            following = self._rotation.next_key
            answer = await self._portal.register(auth_key=auth_key, facts=facts, private_key=following)
            await self._rotation.adopt()
            return answer

    async def collect(self) -> Undecided | Registration:
        """Ask what became of the request that waits.

        :raises NotFoundError: if the portal holds it no more, and kin, as ``Portal.collect``
        """
        assert self.waiting is not None
        answer = await self._portal.collect(self.waiting.code)
        if isinstance(answer, Registration):
            self._enter(answer)
        return answer

    def stop_waiting(self) -> None:
        """The request was decided, or nobody waits for it any more. The portal forgets it by itself."""
        self.waiting, self.may_ask = None, False

    def _enter(self, answer: Registration) -> None:
        account = Account(
            server=self._portal.origin,
            node=answer.node,
            network=answer.network,
            token=answer.session.token,
            expires_at=answer.session.expires_at,
        )
        self._keep(account)
        self._longest_left = 0.0
        self.stop_waiting()
        _log.info("registered as %s (%s)", answer.node["name"], "new" if answer.created else "known before")

    async def prove(self) -> None:
        """Get a new token with a proof of the node's key.

        :raises AuthenticationError: if only a registration helps
        :raises PermissionDeniedError: if the node is shut out
        """
        grant = await self._open_session()
        assert self.account is not None
        self._keep(replace(self.account, token=grant.token, expires_at=grant.expires_at, barred=False))
        self._longest_left = 0.0
        self._renewed_at = self._clock.boot()

    async def _open_session(self) -> SessionGrant:
        """A session for the node's key; where the answer to a rotation was lost, perhaps for the one that follows."""
        try:
            return await self._portal.open_session()
        except AuthenticationError:
            if self._rotation is None or self._rotation.next_key is None:
                raise
            try:
                grant = await self._portal.open_session(self._rotation.next_key)
            except PermissionDeniedError:
                await self._rotation.adopt()  # only a node that it knows is shut out
                raise
            await self._rotation.adopt()
            return grant

    def renewal_is_due(self, ack: Ack) -> bool:
        """Whether the session should be renewed now: a quarter of its life is left, or three heartbeats.

        Both instants of the ack are the portal's, so this machine's clock has no say.
        """
        left = ack.session_left
        self._longest_left = max(self._longest_left, left)
        if self._clock.boot() - self._renewed_at < _RENEWAL_PAUSE:
            return False
        return left < max(self._longest_left * _RENEW_AT, ack.next_heartbeat_seconds * _HEARTBEATS_LEFT)

    def note(self, ack: Ack) -> None:
        """Keep what a heartbeat's answer says of the session and the key, for status and for the next run."""
        if self.account is None:
            return
        expires = ack.key_expires_at.isoformat() if ack.key_expires_at else None
        if self.account.node.get("key_expires_at") != expires:
            self._keep(replace(self.account, node=self.account.node | {"key_expires_at": expires}))

    def bar(self) -> None:
        """The portal shut this node out."""
        if self.account is not None and not self.account.barred:
            self._keep(replace(self.account, barred=True))

    def allow(self) -> None:
        """A person asked for a login: earlier refusals no longer stand in its way."""
        self._refused.clear()
        if self.account is not None and self.account.barred:
            self._keep(replace(self.account, barred=False))

    def lose_session(self) -> None:
        """The token is worth nothing any more."""
        if self.account is not None and self.account.token is not None:
            self._keep(replace(self.account, token=None, expires_at=None))

    async def log_out(self) -> None:
        """End the session at the portal and forget who we were.

        :raises PortalUnreachableError: then nothing is forgotten, since the portal would still hold the session open
        """
        if self.token is not None:
            try:
                await self._portal.close_session(self.token)
            except (AuthenticationError, PermissionDeniedError):
                _log.info("the session was over already")
        self.forget()

    def forget(self) -> None:
        """Forget who we were, here only."""
        self._keep(None)
        self.auth_key = None

    def _keep(self, account: Account | None) -> None:
        self.account = account
        self._state.keep_account(account)

    def _key_from_file(self) -> str | None:
        if self._settings.auth_key_file is None:
            return None
        try:
            return Path(self._settings.auth_key_file).read_text(encoding="ascii").strip() or None
        except (OSError, ValueError) as error:
            _log.warning("the auth key's file cannot be read: %s", error)
            return None


def _without_refused_endpoints(facts: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """The facts without the endpoints that a refusal names; the refusal itself where it names something else.

    A local network may have the addresses of the mesh, which the agent cannot know before it has a map.
    """
    named = {item.field for item in error.errors}
    refused = {f"endpoints.{index}" for index in range(len(facts["endpoints"]))} & named
    if named == {"endpoints"}:
        return facts | {"endpoints": []}
    if not refused or refused != named:
        raise error
    kept = [text for index, text in enumerate(facts["endpoints"]) if f"endpoints.{index}" not in refused]
    return facts | {"endpoints": kept}
