"""Calls that answer to machines and to nobody in particular, and what keeps those who need no login from flooding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AGENT: Final = "agent"
"""With the session of a node; anybody else, an owner's API token too, is 401."""
ANYONE: Final = "anyone"


@dataclass(frozen=True, slots=True)
class Open:
    """``limit``: the throttle's name; empty where a call takes no input from who is nobody."""

    method: str
    route: str
    who: str
    limit: str = ""
    # Ids and names in place of what the route takes.
    path: str = ""


OPEN: Final = (
    Open("GET", "healthz", ANYONE),
    Open("GET", "readyz", ANYONE),
    Open("GET", "health", ANYONE),
    Open("GET", "api/v1/schema/", ANYONE),
    Open("GET", "api/v1/docs/", ANYONE),
    Open("GET", "api/v1/server", ANYONE),
    Open("POST", "api/v1/nodes/challenge", ANYONE, limit="challenge"),
    Open("POST", "api/v1/nodes/register", ANYONE, limit="registration"),
    Open("POST", "api/v1/enrolments/<str:code>", ANYONE, limit="registration", path="api/v1/enrolments/WDJB-MJHT"),
    Open("POST", "api/v1/session", ANYONE, limit="registration"),
    Open("DELETE", "api/v1/session", AGENT),
    Open("POST", "api/v1/heartbeat", AGENT),
    Open("GET", "api/v1/netmap", AGENT),
    Open("PUT", "api/v1/endpoints", AGENT),
    Open("PUT", "api/v1/routes", AGENT),
    Open("POST", "api/v1/key/rotate", AGENT),
    Open("DELETE", "api/v1/nodes/self", AGENT),
    Open("GET", "^agent/(?P<name>install\\.(?:py|sh))$", ANYONE, path="agent/install.sh"),
    Open("GET", "agent/wheels.json", ANYONE),
    Open("GET", "agent/wheels/<str:name>", ANYONE, path="agent/wheels/nothing.whl"),
    # Pages where nobody need be logged in.
    Open("GET", "login/", ANYONE),
    Open("POST", "login/", ANYONE, limit="login_address"),
    Open("GET", "admin/login/", ANYONE),
    Open("POST", "admin/login/", ANYONE, limit="login_address"),
    Open("GET", "welcome/", ANYONE),
    Open("POST", "welcome/", ANYONE, limit="password_link"),
    Open("POST", "logout/", ANYONE),
)

# Whatever else is asked for: what these answer is 404, or the way to where it is.
LEFTOVERS: Final = (
    "^api/(?P<path>.*)$",
    "admin/^(?P<app_label>nodes|acl|sessions_app)/$",
    "admin/(?P<url>.*)$",
)
# In front of Django, so its resolver knows nothing of it: who may is said by the configuration (addresses and a token).
IN_FRONT: Final = ("metrics",)
