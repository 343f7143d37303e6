"""The messages of the agent socket: what comes in, checked; what goes out, as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from coordinator.metrics import REFUSALS
from coordinator.strict_json import parse_strict
from mesh.errors import FieldError, GhostWireError, ValidationError

MAX_BYTES: Final = 64 * 1024
_ACK: Final = re.compile(r'\{"type":"ack","epoch":(0|[1-9][0-9]{0,14}),"version":(0|[1-9][0-9]{0,14})\}')
_SINCE: Final = re.compile(r"[0-9]{1,15}\.[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message. ``since`` is what the agent applied last; a whole map answers it in any case."""

    since: str | None


@dataclass(frozen=True, slots=True)
class Ack:
    """The agent applied this version."""

    epoch: int
    version: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life, with the members of a REST heartbeat."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EndpointsMessage:
    """The node's endpoints are now these."""

    endpoints: list[Any]


Message = Hello | Ack | Heartbeat | EndpointsMessage


class ProtocolError(Exception):
    """A message that no agent of this protocol sends: the socket is closed with 4400."""


def parse_message(text: str | None, binary: bytes | None) -> Message:
    """Reads one frame.

    Raises ProtocolError for what is no message at all (binary, too large, no JSON object, an unknown type), and
    ValidationError for a message with a member that is refused: the socket stays open.
    """
    if text is None or binary is not None:
        raise ProtocolError("Messages are text.")
    ack = _ACK.fullmatch(text)
    if ack is not None:
        # As agents write it: the commonest message, and one to each frame of a push.
        return Ack(int(ack[1]), int(ack[2]))
    raw = text.encode(errors="surrogatepass")
    if len(raw) > MAX_BYTES:
        raise ProtocolError("A message has at most 64 KiB.")
    try:
        body = parse_strict(raw)
    except ValidationError as error:
        raise ProtocolError(error.detail) from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise ProtocolError("A message is an object with a type.")
    kind = body.pop("type")
    match kind:
        case "hello":
            return _hello(body)
        case "ack":
            return _ack(body)
        case "heartbeat":
            return Heartbeat(body)
        case "endpoints":
            _only(body, "endpoints")
            if not isinstance(body.get("endpoints"), list):
                raise _refused("endpoints", "A list of endpoints.")
            return EndpointsMessage(body["endpoints"])
    raise ProtocolError(f"There is no message {kind[:32]!r}.")


def ack_frame(answer: dict[str, Any]) -> str:
    """The answer to a heartbeat as a message."""
    return orjson.dumps({"type": "heartbeat_ack"} | answer, option=orjson.OPT_UTC_Z).decode()


def error_frame(error: GhostWireError) -> str:
    """A refused message's error, which counts here."""
    REFUSALS.labels("message", error.code).inc()
    body: dict[str, Any] = {"type": "error", "code": error.code, "detail": error.detail}
    if isinstance(error, ValidationError) and error.errors:
        body["errors"] = [{"field": item.field, "message": item.message} for item in error.errors]
    if error.retry_after is not None:
        body["retry_after"] = round(error.retry_after, 3)
    return orjson.dumps(body).decode()


def _hello(body: dict[str, Any]) -> Hello:
    _only(body, "since")
    since = body.get("since")
    return Hello(None if since is None else parse_since(since))


def parse_since(since: object) -> str:
    """Checks ``EPOCH.VERSION``. Raises ValidationError."""
    if not (isinstance(since, str) and _SINCE.fullmatch(since)):
        raise _refused("since", "EPOCH.VERSION, or null.")
    return since


def _ack(body: dict[str, Any]) -> Ack:
    _only(body, "epoch", "version")
    for name in ("epoch", "version"):
        if not isinstance(body.get(name), int) or isinstance(body[name], bool) or body[name] < 0:
            raise _refused(name, "A number.")
    return Ack(body["epoch"], body["version"])


def _only(body: dict[str, Any], *names: str) -> None:
    for name in body:
        if name not in names:
            raise _refused(name[:64], "There is no such member.")


def _refused(field: str, message: str) -> ValidationError:
    return ValidationError(f"{field}: {message}", errors=(FieldError(field, message),))
