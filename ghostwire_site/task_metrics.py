"""``/metrics`` of a process that serves nothing else: Celery's worker or beat."""

from __future__ import annotations

import socket
import threading

import orjson
import structlog
import uvicorn
from django.conf import settings

from coordinator.database_metrics import watch_queries
from coordinator.errors import CONTENT_TYPE, problem
from ghostwire_site.config.values import ListenAddress
from ghostwire_site.edge import Receive, Scope, Send
from ghostwire_site.edge.metrics import MetricsEndpoint
from mesh.errors import NotFoundError

log = structlog.get_logger(__name__)


def serve_metrics(address: ListenAddress) -> ListenAddress | None:
    """Serve on this address from a thread until the process ends, to those whom ``metrics.allow`` and ``token`` name.

    The address, with its port where any was asked for; None where it cannot be listened on, which is logged: tasks are
    worth more than figures about them.
    """
    watch_queries()
    family = socket.AF_INET6 if address.host.version == 6 else socket.AF_INET
    try:
        listening = socket.create_server((str(address.host), address.port), family=family)
    except OSError as error:
        log.error("metrics.not_served", address=str(address), error=str(error))
        return None
    config = uvicorn.Config(
        MetricsEndpoint(_nothing_else, access=lambda: settings.GHOSTWIRE.metrics),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=64,
        timeout_keep_alive=60,  # longer than Prometheus waits between two questions
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="metrics", daemon=True).start()
    taken = ListenAddress(host=address.host, port=listening.getsockname()[1])
    log.info("metrics.served", address=str(taken))
    return taken


async def _nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is not ``/metrics``."""
    error = NotFoundError("Only /metrics is here.")
    body = orjson.dumps(problem(error))
    fields = {"content-type": CONTENT_TYPE, "content-length": str(len(body))}
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
