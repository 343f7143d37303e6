"""What is answered where a page could not be made: the portal failed, or a store that it needs is away.

Whatever raised it, in a view, a template or the middleware around them, an exception that nothing foresaw comes by
here. The page needs no database: neither who asks nor which network there is.
"""

from __future__ import annotations

import sys
from typing import Final

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from coordinator.errors import RETRY_SECONDS, as_ghostwire_error, problem_response

_SAFE: Final = frozenset({"GET", "HEAD"})
_BUSY: Final = frozenset({"55P03", "57014", "40P01", "40001", "53300"})
"""PostgreSQL's words (Appendix A) for a lock that was not got, a statement that took too long, a deadlock, and too many
connections. SQLite says that it is locked."""


@never_cache
def failed(request: HttpRequest) -> HttpResponse:
    """A page for a person, a problem (RFC 9457) for a script. 503 with Retry-After where trying again will help."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception) and (request.path.startswith("/api/") or not request.accepts("text/html")):
        return problem_response(as_ghostwire_error(error))
    if not isinstance(error, OperationalError | InterfaceError | RedisError):
        return HttpResponse(loader.render_to_string("500.html"), status=500)
    said = {
        "heading": _what(error),
        "again": request.get_full_path() if request.method in _SAFE else "",
        "seconds": round(RETRY_SECONDS),
    }
    page = loader.render_to_string("503.html", said)
    return HttpResponse(page, status=503, headers={"Retry-After": str(round(RETRY_SECONDS))})


def _what(error: Exception) -> str:
    """What to call it: a store that cannot be reached, or one that was reached and did not get to it in time."""
    if isinstance(error, RedisError):
        return "Redis does not answer"
    if getattr(error.__cause__, "sqlstate", None) in _BUSY or "is locked" in str(error):
        return "The database is busy"
    return "The database does not answer"


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that cannot be read, and one that is larger than any page sends."""
    large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent)
    status = 413 if large else 400
    return HttpResponse(loader.render_to_string(f"{status}.html"), status=status)
