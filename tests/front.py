"""Calls of the whole ASGI application that are answered in front of Django, without an event loop.

So they run where a test's transaction is. A call that would wait for something fails.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import orjson
from django.http import HttpResponse

from coordinator.hot_path.rest import PATH

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]


def is_in_front(method: str, path: str) -> bool:
    """Whether a call is answered in front of Django."""
    return method.upper() == "POST" and path == PATH


def call_front(
    method: str, path: str, body: bytes, *, headers: Mapping[str, str], origin: str = "192.0.2.10"
) -> HttpResponse:
    """One call; the response, with ``json()`` as Django's test client has it."""
    fields = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    if body:
        fields.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method.upper(),
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "client": (origin, 4711),
        "server": ("127.0.0.1", 8080),
        "headers": [(b"host", b"localhost"), *fields],
    }
    return respond(scope, body)


def respond(scope: dict[str, Any], body: bytes = b"") -> HttpResponse:
    """What the application answers to a scope and a body in one piece."""
    from ghostwire_site.asgi import application  # it sets Django up

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    run_at_once(application(scope, receive, send))
    response = HttpResponse(b"".join(message["body"] for message in sent[1:]), status=sent[0]["status"])
    del response.headers["Content-Type"]
    for name, value in sent[0]["headers"]:
        response.headers[name.decode().title()] = value.decode("latin-1")
    response.json = lambda: orjson.loads(response.content)  # type: ignore[attr-defined]
    return response


def run_at_once(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine to its end in this thread."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("The call waited for something.")


def with_front(django: Wsgi) -> Wsgi:
    """A WSGI application that hands over what is answered in front of Django, for clients that speak WSGI."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not is_in_front(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return django(environ, start_response)
        names = [name for name in environ if name.startswith("HTTP_")]
        headers = {name[5:].replace("_", "-"): environ[name] for name in names if name != "HTTP_HOST"}
        headers.pop("CONTENT-LENGTH", None)
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        response = call_front(environ["REQUEST_METHOD"], environ["PATH_INFO"], body, headers=headers)
        status = f"{response.status_code} {http.client.responses[response.status_code]}"
        start_response(status, list(response.headers.items()))
        return [response.content]

    return application
