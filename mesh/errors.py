"""The one error family. Services raise it; ``coordinator.errors`` maps it to HTTP and sockets in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused member of a request: its path (``routes.3``) and what is wrong with it.

    ``line`` and ``column`` say where it stands in a text that was sent, from 1, in characters; 0 where there is none.
    """

    field: str
    message: str
    line: int = 0
    column: int = 0


class GhostWireError(Exception):
    """Base of every error that a caller may see. ``detail`` is written for people and holds no secret.

    ``code`` and ``status`` follow the table "Errors" of the agent protocol.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class ValidationError(GhostWireError):
    """The input is wrong; ``errors`` names the members at fault."""

    code = "validation"
    status = 400
    title = "Invalid input"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class PayloadTooLargeError(ValidationError):
    """The body is larger than the limit."""

    status = 413
    title = "Body too large"


class LengthRequiredError(ValidationError):
    """The body came without a Content-Length."""

    status = 411
    title = "Length required"


class UnsupportedMediaTypeError(ValidationError):
    """The body's media type or encoding is not taken."""

    status = 415
    title = "Unsupported media type"


class AuthenticationError(GhostWireError):
    """Who calls could not be established. Never says which part failed."""

    code = "authentication"
    status = 401
    title = "Not authenticated"


class PermissionDeniedError(GhostWireError):
    """The caller is known and may not do this."""

    code = "permission"
    status = 403
    title = "Not permitted"


class NotFoundError(GhostWireError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"
    status = 404
    title = "Not found"


class HiddenError(NotFoundError):
    """There is such a thing, and the caller may not know of it: answered as if there were none."""


class ConflictError(GhostWireError):
    """The state of the thing does not allow this now."""

    code = "conflict"
    status = 409
    title = "Conflict"


class ThrottledError(GhostWireError):
    """Too many calls; ``retry_after`` seconds until the next is taken."""

    code = "throttled"
    status = 429
    title = "Too many requests"


class DatabaseError(GhostWireError):
    """The database is away or busy; nothing was written; the call may be repeated."""

    code = "database"
    status = 503
    title = "Database unavailable"


class ResourceExhaustedError(GhostWireError):
    """A pool or quota has nothing left; nothing was written."""

    code = "resource_exhausted"
    status = 507
    title = "Nothing left"


class InternalError(GhostWireError):
    """A fault of the portal. Says nothing of its cause."""
