"""The ASGI application: HTTP to Django, WebSockets to their own routes, both behind the edge."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
http: Any = get_asgi_application()  # before anything that imports models

from channels.routing import ProtocolTypeRouter  # type: ignore[import-untyped]  # noqa: E402
from django.conf import settings  # noqa: E402

from ghostwire_site.edge.http import in_front_of  # noqa: E402
from ghostwire_site.edge.metrics import MetricsEndpoint  # noqa: E402
from ghostwire_site.edge.proxies import TrustedProxies  # noqa: E402
from ghostwire_site.lifespan import lifespan  # noqa: E402
from ghostwire_site.sockets import sockets  # noqa: E402

application = MetricsEndpoint(
    TrustedProxies(
        ProtocolTypeRouter({"http": in_front_of(http), "websocket": sockets, "lifespan": lifespan}),
        trusted=settings.GHOSTWIRE.server.trusted_proxies,
    ),
    access=lambda: settings.GHOSTWIRE.metrics,
)
