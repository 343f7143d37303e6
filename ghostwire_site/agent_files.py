"""What machines fetch to install the agent: the script with this server's URL in it, and the wheels.

The files are made by ``agent/install/build_wheels.py``; ``agent/install/__init__.py`` says what is served. None of it
is secret.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ghostwire_site.config.model import HOME
from portal.enrolment import portal_url

SCRIPTS: Final = HOME / "agent" / "install"
BUILT: Final = HOME / "build" / "agent"
PLACE_OF_URL: Final = "__GHOSTWIRE_SERVER__"
_WHEEL: Final = re.compile(r"[A-Za-z0-9_.!+-]+\.whl")


@require_safe
def install_script(request: HttpRequest, name: str) -> HttpResponse:
    """Serve ``install.py`` or ``install.sh``, with the URL that the machine reached this server by."""
    script = (SCRIPTS / name).read_text(encoding="utf-8").replace(PLACE_OF_URL, portal_url(request))
    return HttpResponse(script, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@require_safe
def wheel_list(request: HttpRequest) -> FileResponse:
    """Serve the list of wheels with their sums."""
    return _file(BUILT / "wheels.json", "application/json")


@require_safe
def wheel(request: HttpRequest, name: str) -> FileResponse:
    """Serve one wheel."""
    if not _WHEEL.fullmatch(name):
        raise Http404("There is no such wheel.")
    return _file(BUILT / "wheels" / name, "application/octet-stream")


def _file(path: Path, content_type: str) -> FileResponse:
    try:
        return FileResponse(path.open("rb"), content_type=content_type, headers={"Cache-Control": "no-cache"})
    except FileNotFoundError as error:
        raise Http404("The agent's wheels were not built: run agent/install/build_wheels.py.") from error
