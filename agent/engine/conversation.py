"""The conversation with the portal, step by step, for as long as the agent runs. ``verdict`` says what follows what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from agent.answers import Registration, Undecided, Waiting
from agent.backoff import Backoff
from agent.engine.lease import Lease
from agent.engine.maps import MapKeeper
from agent.engine.membership import Membership
from agent.engine.phase import Phase, Standing
from agent.engine.verdict import (
    STAND_DOWN_SECONDS,
    Step,
    Verdict,
    after_collecting,
    after_proof,
    after_registration,
)
from agent.engine.worker import TunnelWorker
from agent.errors import BackendError
from mesh.errors import GhostWireError

_log = logging.getLogger(__name__)
_STAND_DOWN_CEILING: Final = 300.0
_JITTER: Final = 1.25
# Between two questions whether a person has let us in: soon at first, while somebody sits there.
_ASK_SECONDS: Final = 2.0
_ASK_GROWTH: Final = 1.3
_ASK_CEILING: Final = 10.0
_T = TypeVar("_T")


class Conversation:
    """Drives membership, socket and polling. ``talk`` runs a socket to its end, ``poll`` polls for some seconds."""

    def __init__(
        self,
        *,
        membership: Membership,
        maps: MapKeeper,
        worker: TunnelWorker,
        lease: Lease,
        standing: Standing,
        facts: Callable[[], dict[str, Any]],
        talk: Callable[[], Coroutine[Any, Any, Verdict]],
        poll: Callable[[float], Coroutine[Any, Any, Verdict]],
        pause: Callable[[float], Coroutine[Any, Any, None]],
        uniform: Callable[[float, float], float],
    ) -> None:
        self.backoff = Backoff(uniform)
        self._membership = membership
        self._maps = maps
        self._worker = worker
        self._lease = lease
        self._standing = standing
        self._facts = facts
        self._talk_once = talk
        self._poll_for = poll
        self._sleep = pause
        self._uniform = uniform
        self._woken = asyncio.Event()
        self._forced = False
        self._stood_down = 0

    def wake(self, *, force: bool = False) -> None:
        """A person wants it now: no waiting, and with ``force`` a registration whatever the portal thinks of us."""
        self._forced = self._forced or force
        self._woken.set()

    async def run(self) -> None:
        """Converse until cancelled."""
        verdict = await self._begin()
        while True:
            _log.debug("next: %s (%s)", verdict.step.value, verdict.reason)
            following = await self._or_woken(self._follow(verdict))
            verdict = following if following is not None else self._after_waking()

    async def _begin(self) -> Verdict:
        account = self._membership.account
        if account is None:
            return Verdict(Step.REGISTER, "the machine is new")
        self._maps.belong_to(account.server, account.node["id"], is_new=False)
        self._lease.resume()
        if account.token is None or account.barred:
            return Verdict(Step.PROVE, "there is no session")
        self._standing.move(Phase.CONNECTING)
        if self._lease.left() > 0 and await self._has_tunnel():
            try:
                if await self._maps.resume():
                    self._standing.move(Phase.RUNNING, "the portal has not answered yet")
            except BackendError as error:
                self._standing.move(Phase.FAILED, error.detail)
        return Verdict(Step.TALK, "at the start")

    async def _follow(self, verdict: Verdict) -> Verdict:
        match verdict.step:
            case Step.TALK | Step.AGAIN:
                following = await self._talk()
            case Step.ASK:
                following = await self._poll(verdict)
            case Step.PROVE:
                following = await self._prove()
            case Step.REGISTER:
                following = await self._register(verdict)
            case Step.WAIT:
                following = await self._wait_for_approval()
            case Step.STAND_DOWN:
                following = await self._stand_down(verdict)
            case Step.LOGIN:
                following = await self._wait_for_login(verdict)
        return following

    async def _talk(self) -> Verdict:
        if not await self._has_tunnel():
            await self._sleep(self.backoff.next_delay())
            return Verdict(Step.TALK, "the tunnel is tried again")
        verdict = await self._talk_once()
        return await self._after_contact(verdict)

    async def _poll(self, verdict: Verdict) -> Verdict:
        if verdict.reason:
            _log.info("%s: polling over REST", verdict.reason)
        found = await self._poll_for(self.backoff.next_delay(at_least=verdict.pause))
        # The poller has waited already: the socket is tried at once.
        return Verdict(Step.TALK, found.reason) if found.step is Step.AGAIN else await self._after_contact(found)

    async def _after_contact(self, verdict: Verdict) -> Verdict:
        """Wait as long as the end of a contact asks for, and go on."""
        if verdict.step not in (Step.AGAIN, Step.PROVE):
            return verdict
        if self._standing.phase is Phase.RUNNING:
            self._standing.move(Phase.RUNNING, verdict.reason)
        if verdict.step is Step.PROVE:
            # At once the first time; a session that is over again right after it was made must not spin.
            at_once = self.backoff.failures == 0 and not verdict.pause
            delay = self.backoff.next_delay(at_least=verdict.pause)
            await self._wait(0.0 if at_once else delay, verdict.reason)
            return Verdict(Step.PROVE, verdict.reason)
        await self._wait(self.backoff.next_delay(at_least=verdict.pause), verdict.reason)
        return Verdict(Step.TALK, verdict.reason)

    async def _prove(self) -> Verdict:
        try:
            await self._membership.prove()
        except GhostWireError as error:
            verdict = after_proof(error)
            if verdict.step is Step.AGAIN:
                await self._wait(self.backoff.next_delay(at_least=verdict.pause), verdict.reason)
                return Verdict(Step.PROVE, verdict.reason)
            self._membership.lose_session()
            return verdict
        self._stood_down = 0
        if self._maps.applied is None:
            self._standing.move(Phase.CONNECTING)
        return Verdict(Step.TALK, "a new session")

    async def _register(self, verdict: Verdict) -> Verdict:
        hindrance = self._hindrance()
        if hindrance:
            return Verdict(Step.LOGIN, hindrance)
        self._standing.move(Phase.CONNECTING)
        if not await self._has_tunnel():
            await self._sleep(self.backoff.next_delay())
            return verdict
        try:
            answer = await self._membership.register(self._facts)
        except GhostWireError as error:
            following = after_registration(error)
            if following.step is not Step.AGAIN:
                return following
            self._standing.move(Phase.CONNECTING, following.reason)
            await self._wait(self.backoff.next_delay(at_least=following.pause), following.reason)
            return verdict
        if isinstance(answer, Waiting):
            return Verdict(Step.WAIT, "a person must let this machine in")
        return self._entered(answer)

    def _hindrance(self) -> str:
        """Why only a person can help; empty where we may register."""
        if self._membership.is_barred:
            return "The portal shut this node out. Ask its administrator, then run up again."
        if self._membership.usable_key() is None and not self._membership.may_ask:
            known = self._membership.account is not None
            reason = "The portal wants this machine to log in again" if known else "This machine is not registered"
            return f"{reason}: run up at a terminal, or with --auth-key."
        return ""

    async def _wait_for_approval(self) -> Verdict:
        """Ask until somebody decides, or the request is over. Neither peers nor a name meanwhile."""
        waiting = self._membership.waiting
        assert waiting is not None
        told = f"Somebody must let this machine in: {waiting.verification_url} (code {waiting.code})."
        if self._standing.move(Phase.NEEDS_APPROVAL, told):
            _log.warning("%s", told)
        pause = _ASK_SECONDS
        while True:
            await self._sleep(self._uniform(pause, pause * _JITTER))
            pause = min(_ASK_CEILING, pause * _ASK_GROWTH)
            try:
                answer = await self._membership.collect()
            except GhostWireError as error:
                following = after_collecting(error)
                if following.step is Step.AGAIN:
                    pause = max(pause, following.pause)
                    continue
                self._membership.stop_waiting()
                if following.step is Step.REGISTER and self._membership.usable_key() is None:
                    return Verdict(Step.LOGIN, following.reason)
                return following
            if not isinstance(answer, Undecided):
                return self._entered(answer)
            if answer.state == "rejected":
                self._membership.stop_waiting()
                return Verdict(Step.LOGIN, "The request to join was rejected.")

    def _entered(self, answer: Registration) -> Verdict:
        account = self._membership.account
        assert account is not None
        self._maps.belong_to(account.server, answer.node["id"], is_new=answer.created)
        self._stood_down = 0
        self._standing.move(Phase.CONNECTING)
        return Verdict(Step.TALK, "registered")

    async def _stand_down(self, verdict: Verdict) -> Verdict:
        """No peers, and no registration by ourselves. Whoever was disabled and is enabled again comes back alone."""
        self._membership.bar()
        await self._cut()
        if self._standing.move(Phase.SHUT_OUT, verdict.reason):
            _log.warning("shut out: %s", verdict.reason)
        pause = min(_STAND_DOWN_CEILING, STAND_DOWN_SECONDS * 2**self._stood_down)
        self._stood_down += 1
        await self._sleep(self._uniform(pause, pause * _JITTER))
        return Verdict(Step.PROVE, "perhaps we are let in again")

    async def _wait_for_login(self, verdict: Verdict) -> Verdict:
        self._membership.lose_session()
        self._lease.drop()
        self._maps.applied = None
        try:
            await self._worker.close()
        except BackendError as error:
            _log.error("not everything could be taken away: %s", error.detail)
        self._standing.move(Phase.NEEDS_LOGIN, verdict.reason)
        _log.warning("%s", verdict.reason)
        await asyncio.Event().wait()  # until somebody wakes us
        return verdict

    def _after_waking(self) -> Verdict:
        self._woken.clear()
        self._standing.begin()
        forced, self._forced = self._forced, False
        self.backoff.reset()
        self._stood_down = 0
        if forced or self._membership.account is None:
            return Verdict(Step.REGISTER, "asked to log in")
        return Verdict(Step.PROVE if self._membership.token is None else Step.TALK, "asked to come up")

    async def _cut(self) -> None:
        self._lease.drop()
        try:
            await self._maps.cut()
        except BackendError as error:
            # The interface is gone then, and the peers with it: upkeep makes it again, empty.
            _log.error("the peers were cut with their interface: %s", error.detail)

    async def _has_tunnel(self) -> bool:
        if self._worker.tunnel is not None:
            return True
        try:
            await self._worker.open()
        except BackendError as error:
            if self._standing.move(Phase.FAILED, error.detail):
                _log.error("no tunnel: %s", error.detail)
            return False
        return True

    async def _wait(self, seconds: float, reason: str) -> None:
        if seconds > 0:
            _log.info("%s: trying again in %.0f s", reason, seconds)
        await self._sleep(seconds)

    async def _or_woken(self, act: Coroutine[Any, Any, _T]) -> _T | None:
        """The act's outcome, or None if somebody woke us before it ended; it is cancelled then."""
        acting = asyncio.create_task(act)
        waking = asyncio.create_task(self._woken.wait())
        try:
            await asyncio.wait({acting, waking}, return_when=asyncio.FIRST_COMPLETED)
            return acting.result() if acting.done() else None
        finally:
            for task in (acting, waking):
                task.cancel()
            await asyncio.gather(acting, waking, return_exceptions=True)
