"""Reading pages in tests: what a Content-Security-Policy would refuse, and the text a person sees."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.db.models import Model
from django.urls import reverse

from portal.site import site


def page_url(model: type[Model], page: str, *args: Any) -> str:
    """The address of a model's page: changelist, add, change, do."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def admin_of(model: type[Model]) -> Any:
    """The ModelAdmin of a model in the portal's site."""
    return site._registry[model]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.words: list[str] = []
        self.hrefs: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "style" or (tag == "script" and not found.get("src")):
            self.refused.append(f"<{tag}>")
        self._in_script = tag in ("script", "style")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").lower().startswith("javascript:"):
                self.refused.append(f"{tag} {name}={value}")
            if name in ("src", "href") and "//" in (value or "").split("?")[0]:
                self.refused.append(f"{tag} {name}={value}: from elsewhere")
        if tag == "a" and found.get("href"):
            self.hrefs.append(str(found["href"]))
        if tag == "button" and found.get("name"):
            self.buttons.append((str(found["name"]), str(found.get("value"))))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if not self._in_script:
            self.words.append(data)


def read(response: Any) -> _Reader:
    """Parse an answer."""
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader


def text_of(response: Any) -> str:
    """What a person reads, with single spaces."""
    return " ".join(" ".join(read(response).words).split())
