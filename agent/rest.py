"""The portal over REST: challenges and proofs, registration, sessions, heartbeats, the map (agent protocol, "REST")."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from agent import __version__
from agent.answers import (
    Ack,
    Registration,
    SessionGrant,
    Undecided,
    Waiting,
    read_ack,
    read_challenge,
    read_collected,
    read_registration,
    read_session,
    read_waiting,
)
from agent.errors import PortalUnreachableError
from mesh.errors import (
    AuthenticationError,
    ConflictError,
    DatabaseError,
    FieldError,
    GhostWireError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    ValidationError,
)
from mesh.keys import PROOF_HEADER, Purpose, encode_key, format_proof_header, make_proof, public_key_of

_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_MAX_RETRY_SECONDS: Final = 3600.0
_ERRORS: Final[Mapping[int, type[GhostWireError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: ThrottledError,
    503: DatabaseError,
    507: ResourceExhaustedError,
}


def tls_context() -> ssl.SSLContext:
    """Trust what the machine trusts; on one without a certificate store, what comes with the agent (certifi).

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name another store, as OpenSSL has it.
    """
    context = ssl.create_default_context()
    directory = ssl.get_default_verify_paths().capath
    # The certificates of a directory are read when they are needed, and not counted before.
    if context.cert_store_stats()["x509_ca"] == 0 and not (directory and any(Path(directory).glob("*.[0-9]"))):
        import certifi  # noqa: PLC0415 - only where the machine has nothing

        context.load_verify_locations(certifi.where())
    return context


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """A whole map and its ETag; ``netmap`` is None where the portal says that nothing changed (304)."""

    netmap: Any
    etag: str | None


class Portal:
    """One portal, spoken to with one node's key. ``origin`` is the audience of every proof."""

    def __init__(
        self, origin: str, private_key: bytes, *, tls: ssl.SSLContext, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.origin = origin
        self._private_key = private_key
        self._public_key = public_key_of(private_key)
        self._client = httpx.AsyncClient(
            base_url=f"{origin}/api/v1/",
            verify=tls,
            timeout=_TIMEOUT,
            transport=transport,
            headers={"User-Agent": f"ghostwire-agent/{__version__}", "Accept-Encoding": "gzip, deflate"},
        )

    def use_key(self, private_key: bytes) -> None:
        """Speak with another key of the node from here on."""
        self._private_key = private_key
        self._public_key = public_key_of(private_key)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def server(self) -> dict[str, Any]:
        """What the portal says of itself, to anybody."""
        answer = _json(await self._call("GET", "server"))
        if not isinstance(answer, dict) or answer.get("protocol") != 1:
            raise PortalUnreachableError(f"{self.origin} does not speak protocol 1.")
        return answer

    async def register(
        self, *, auth_key: str | None, facts: Mapping[str, Any], private_key: bytes | None = None
    ) -> Registration | Waiting:
        """Register this node's key, or bring it back; without an auth key a person must let it in first.

        ``private_key``: another key than the one that this portal is spoken to with.

        :raises AuthenticationError: if the auth key (or the proof) is not good; the portal does not say why
        :raises PermissionDeniedError: if the node, or a tag that it wishes for, is not this key's to give
        :raises ValidationError: naming the facts at fault
        """
        key = {} if auth_key is None else {"auth_key": auth_key}
        own = private_key or self._private_key
        body = {"public_key": encode_key(public_key_of(own)), **key, **facts}
        response = await self._prove(Purpose.REGISTER, "nodes/register", body, private_key=own)
        if response.status_code == 202:
            return read_waiting(_json(response))
        return read_registration(_json(response), created=response.status_code == 201)

    async def collect(self, code: str) -> Undecided | Registration:
        """Ask what became of a request to join.

        :raises NotFoundError: if the portal holds no such request of this key any more
        :raises PermissionDeniedError: if the node was shut out since
        """
        return read_collected(
            _json(await self._prove(Purpose.ENROL, f"enrolments/{code}", {"public_key": encode_key(self._public_key)}))
        )

    async def open_session(self, private_key: bytes | None = None) -> SessionGrant:
        """A new token for a node that the portal knows: after an absence, and before a session runs out.

        ``private_key``: another key than the one that this portal is spoken to with, to ask whether it counts.

        :raises AuthenticationError: if it must register again
        :raises PermissionDeniedError: if it is shut out for now
        """
        key = private_key or self._private_key
        body = {"public_key": encode_key(public_key_of(key))}
        return read_session(_json(await self._prove(Purpose.SESSION, "session", body, private_key=key)))

    async def rotate_key(self, token: str, private_key: bytes) -> None:
        """Ask for another key in the place of the node's, with a proof of both. It may be asked for again.

        :raises AuthenticationError: if the session or the proof does not count
        :raises ConflictError: if the node got another key meanwhile, or another node has this one
        :raises PermissionDeniedError: if this key was retired, or the node is shut out
        """
        body = {"public_key": encode_key(public_key_of(private_key))}
        await self._prove(
            Purpose.ROTATE, "key/rotate", body, token=token, private_key=private_key, current=self._private_key
        )

    async def close_session(self, token: str) -> None:
        """Log out: the node must register again."""
        await self._call("DELETE", "session", token=token)

    async def heartbeat(self, token: str, facts: Mapping[str, Any]) -> Ack:
        """A sign of life, with the facts that changed."""
        return read_ack(_json(await self._call("POST", "heartbeat", token=token, body=facts)))

    async def netmap(self, token: str, *, etag: str | None = None) -> MapAnswer:
        """The whole map, unless ``etag`` says that we have it."""
        response = await self._call("GET", "netmap", token=token, headers={"If-None-Match": etag} if etag else {})
        if response.status_code == 304:
            return MapAnswer(None, etag)
        return MapAnswer(_json(response), response.headers.get("ETag"))

    async def put_endpoints(self, token: str, endpoints: list[str]) -> None:
        """Replace where this node says it may be reached."""
        await self._call("PUT", "endpoints", token=token, body={"endpoints": endpoints})

    async def put_routes(self, token: str, routes: list[str]) -> None:
        """Replace the routes that this node offers."""
        await self._call("PUT", "routes", token=token, body={"routes": routes})

    def _own(self) -> str:
        return encode_key(self._public_key)

    async def _prove(
        self,
        purpose: Purpose,
        path: str,
        body: Mapping[str, Any],
        *,
        token: str | None = None,
        private_key: bytes | None = None,
        current: bytes | None = None,
    ) -> httpx.Response:
        private = private_key or self._private_key
        public = public_key_of(private)
        asked = {"public_key": encode_key(public)}
        challenge = read_challenge(_json(await self._call("POST", "nodes/challenge", body=asked)))
        content = _encode(body)
        try:
            mac = make_proof(
                purpose=purpose,
                private_key=private,
                server_key=challenge.server_key,
                nonce=challenge.nonce,
                audience=self.origin,
                public_key=public,
                body=content,
                current_private=current,
                current_public=None if current is None else public_key_of(current),
            )
        except ValidationError as error:
            raise PortalUnreachableError(f"The portal's challenge is refused: {error.detail}") from error
        headers = {PROOF_HEADER: format_proof_header(challenge.challenge_id, mac)}
        return await self._call("POST", path, token=token, content=content, headers=headers)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            content = _encode(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            response = await self._client.request(method, path, content=content, headers=sent)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise PortalUnreachableError(f"{self.origin} does not answer: {_reason(error)}.") from error
        if response.status_code < 300 or response.status_code == 304:
            return response
        raise _error(self.origin, response)


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise PortalUnreachableError("The portal's answer is not JSON.") from error


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    return str(error) or type(error).__name__


def _error(origin: str, response: httpx.Response) -> GhostWireError:
    """The error of a problem document (RFC 9457); a proxy's page in its place counts by its status alone."""
    status = response.status_code
    if 300 <= status < 400:
        target = response.headers.get("Location", "elsewhere")
        return PortalUnreachableError(f"{origin} sends us to {target[:200]}: give that origin as --server.")
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or f"{origin} answered {status}.")[:1000]
    if status in (400, 411, 413, 415, 422):
        return ValidationError(detail, errors=_field_errors(problem.get("errors")))
    kind = _ERRORS.get(status, PortalUnreachableError)
    if "code" not in problem and status in (401, 403, 404):
        # Not the portal's own words: a proxy on the way. Nothing may be concluded about this node from it.
        kind = PortalUnreachableError
    return kind(detail, retry_after=_retry_after(response))


def _field_errors(value: Any) -> tuple[FieldError, ...]:
    items = value if isinstance(value, list) else []
    return tuple(
        FieldError(str(item.get("field", "")), str(item.get("message", ""))) for item in items if isinstance(item, dict)
    )


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _MAX_RETRY_SECONDS) if text.isascii() and text.isdigit() else None
