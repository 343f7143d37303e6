"""The API's description: made once a process, whoever asks, and told by its tag that it has not changed."""

from __future__ import annotations

import hashlib
import threading
from typing import Any, Final

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

FRESH_SECONDS: Final = 300
"""For which a copy may be shown without asking: after an upgrade, an old one is, for so long."""

_made: dict[type[BaseRenderer], tuple[bytes, str]] = {}
_making = threading.Lock()


class SchemaView(SpectacularAPIView):
    """Anybody may ask: making it takes a good part of a second, so that is done once in each form."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The description as JSON or YAML, by ``Accept`` or ``?format=``."""
        renderer = request.accepted_renderer
        body, etag = self._rendered(renderer)
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        response = HttpResponse(body, content_type=f"{renderer.media_type}{charset}")
        # Django writes a plain 304 of its own, with the tag and these headers.
        response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response["ETag"] = etag
        response["Content-Disposition"] = f'inline; filename="GhostWire.{renderer.format}"'
        return get_conditional_response(request._request, etag=etag, response=response) or response

    def _rendered(self, renderer: BaseRenderer) -> tuple[bytes, str]:
        """The bytes in this form, and their tag."""
        form = type(renderer)
        if form in _made:
            return _made[form]
        with _making:
            if form not in _made:
                generator: Any = self.generator_class(urlconf=self.urlconf)
                schema = generator.get_schema(request=None, public=True)
                text = renderer.render(schema, renderer.media_type, {})
                body = text.encode() if isinstance(text, str) else bytes(text)
                _made[form] = (body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
            return _made[form]
