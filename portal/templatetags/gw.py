"""Template tags of the portal's pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import template
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import display_for_field, display_for_value, lookup_field
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import Field
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import html
from portal.page_list import PLACES
from portal.theme import STYLESHEETS
from portal.undo import undo_of

register = template.Library()

register.simple_tag(html.status, name="status")
register.simple_tag(html.glyph, name="glyph")
register.simple_tag(html.wire, name="wire")
register.simple_tag(html.icon, name="icon")
register.simple_tag(html.chip, name="chip")
register.filter(undo_of)


@register.simple_tag
def portal_stylesheets() -> list[str]:
    """Addresses of the portal's stylesheets, for pages rendered without a context."""
    return [static(sheet) for sheet in STYLESHEETS]


@register.filter
def ago(at: Any) -> SafeString:
    """How long ago an instant was."""
    return html.ago(at, timezone.now())


@register.filter
def clock(at: Any) -> SafeString:
    """An instant of today to the second, the exact one on hover."""
    return html.instant(at, at.strftime("%H:%M:%S"))


@register.filter
def until(at: Any) -> SafeString:
    """When an instant will be."""
    return html.until(at, timezone.now())


@register.simple_tag
def list_headers(cl: ChangeList) -> list[dict[str, Any]]:
    """The columns: text, class, how to sort by it. An arrow shows only where the reader asked for an order."""
    asked = ORDER_VAR in cl.params
    admin: Any = cl.model_admin
    headers = []
    for name, header in zip(cl.list_display, result_headers(cl), strict=True):
        if name == "action_checkbox":
            continue
        header["sorted"] = header.get("sorted", False) and asked
        headers.append({**header, "css": admin.column_css.get(name, "")})
    return headers


@register.simple_tag
def list_rows(cl: ChangeList) -> Iterator[dict[str, Any]]:
    """The rows of a list: cells of (class, label, contents, column), and the object."""
    admin: Any = cl.model_admin
    names = [str(name) for name in cl.list_display if name != "action_checkbox"]
    labels = {name: str(header["text"]) for name, header in zip(cl.list_display, result_headers(cl), strict=True)}
    for obj in cl.result_list:
        cells = [(admin.column_css.get(name, ""), labels[name], _cell(name, obj, admin), name) for name in names]
        edge = admin.row_css(obj) if hasattr(admin, "row_css") else ""
        yield {"object": obj, "cells": cells, "css": edge, "tick": ACTION_CHECKBOX_NAME}


def _cell(name: str, obj: Any, admin: Any) -> Any:
    field, _attr, value = lookup_field(name, obj, admin)
    if isinstance(value, SafeString):
        return value
    if isinstance(value, str) and len(value) > html.LONG:
        return html.clamped(value)
    if isinstance(field, Field):
        return display_for_field(value, field, html.EMPTY)
    return display_for_value(value, html.EMPTY)


register.filter(html.clamped)


@register.simple_tag
def list_filters(cl: ChangeList) -> list[dict[str, Any]]:
    """Filters as drop-downs: title, choices, and the one in force if any. Those that are tabs are left out."""
    found = []
    for spec in cl.filter_specs:
        if getattr(spec, "as_tabs", False):
            continue
        choices = list(spec.choices(cl))
        chosen = next((choice for choice in choices[1:] if choice["selected"]), None)
        found.append(
            {
                "title": str(spec.title)[:1].upper() + str(spec.title)[1:],
                "choices": choices,
                "chosen": chosen,
                "clear": choices[0]["query_string"] if choices else "?",
            }
        )
    return found


@register.simple_tag
def list_tabs(cl: ChangeList) -> list[dict[str, Any]]:
    """The filter that is shown as tabs: word, glyph, count, address."""
    for spec in cl.filter_specs:
        tabs = getattr(spec, "tabs", None)
        if tabs is not None:
            return list(tabs(cl))
    return []


@register.simple_tag
def list_pager(cl: Any) -> dict[str, Any]:
    """``1-50 of 312`` and the pages around this one."""
    pages: dict[str, Any] = cl.pages()
    return pages


@register.simple_tag(takes_context=True)
def list_copies(context: Any, cl: Any) -> list[Any]:
    """The page as a command and as a call of the API, where there are such."""
    admin: Any = cl.model_admin
    return list(admin.copies(context["request"], cl))


@register.filter
def is_verb_of(act: Any, verbs: list[Any]) -> bool:
    """Whether a bulk bar has a button for an act already."""
    return any(verb.name == act.name for verb in verbs)


@register.filter
def grouped(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


@register.simple_tag
def page_link(url: str, icon: str, label: str, rel: str = "") -> SafeString:
    """A button of the pager; one that leads nowhere stands there all the same, so that none moves."""
    if not url:
        return format_html('<span class="gw-icon-button gw-disabled" aria-hidden="true">{}</span>', html.icon(icon))
    relation = format_html(' rel="{}"', rel) if rel else ""
    return format_html(
        '<a class="gw-icon-button" href="{}"{} aria-label="{}">{}</a>', url, relation, label, html.icon(icon)
    )


@register.simple_tag
def list_search(cl: ChangeList) -> dict[str, Any]:
    """The search field's name and value, and the filters to keep beside it."""
    kept = [
        (name, value)
        for name, values in cl.filter_params.items()
        for value in values
        if name not in (SEARCH_VAR, PAGE_VAR, *PLACES)
    ]
    return {"name": SEARCH_VAR, "value": cl.query, "kept": kept, "filtered": bool(cl.query or cl.has_active_filters)}


@register.simple_tag
def with_data(**values: Any) -> dict[str, Any]:
    """Puts values under one name, as the templates of cards want them."""
    return values
