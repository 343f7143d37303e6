"""The one line that brings a machine into the mesh."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class JoinCommand:
    """The line in parts, so that a page can show the address and the key apart from the rest."""

    before_url: str
    url: str
    between: str
    key: str
    after: str

    def __str__(self) -> str:
        return f"{self.before_url}{self.url}{self.between}{self.key}{self.after}"


def join_command(url: str, auth_key: str) -> JoinCommand:
    """The line for a bare machine: it gets Python where there is none, fetches the agent from the portal, and joins.

    The fetched script knows the portal that it came from. It is not piped into Python: a pipe whose first part failed
    would look like success.
    """
    tls = url.startswith("https://")
    packages = "python3 ca-certificates" if tls else "python3"
    return JoinCommand(
        f"command -v python3 >/dev/null || (apt-get update; apt-get install -y {packages}); "
        "python3 -c \"import urllib.request as r; exec(r.urlopen('",
        url,
        "/agent/install.py').read())\" up --auth-key ",
        auth_key,
        "" if tls else " --insecure-http",
    )


def portal_url(request: HttpRequest) -> str:
    """The portal's address for a machine: the one in the browser if it is a public one, else the first of those.

    Proofs of possession are made for a public URL, so no other address would do.
    """
    here = f"{request.scheme}://{request.get_host()}"
    public = [str(url).rstrip("/") for url in settings.GHOSTWIRE.public_urls]
    return here if here in public or not public else public[0]
