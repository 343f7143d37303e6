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
    """The line for a machine that has only Python: it fetches the agent from the portal and joins with the key."""
    fetch = f"import urllib.request as r; print(r.urlopen('{url}/agent/install.py').read().decode())"
    insecure = " --insecure-http" if url.startswith("http://") else ""
    return JoinCommand(
        f'python3 -c "{fetch}" | python3 - up --server ',
        url,
        " --auth-key ",
        auth_key,
        insecure,
    )


def portal_url(request: HttpRequest) -> str:
    """The portal's address for a machine: the one in the browser if it is a public one, else the first of those.

    Proofs of possession are made for a public URL, so no other address would do.
    """
    here = f"{request.scheme}://{request.get_host()}"
    public = [str(url).rstrip("/") for url in settings.GHOSTWIRE.public_urls]
    return here if here in public or not public else public[0]
