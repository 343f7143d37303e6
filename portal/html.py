"""Small pieces of markup that columns, pages and template tags share. Every word from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

# 12 x 12, drawn so that the shape alone tells the state (never by colour alone).
_GLYPHS = {
    "online": '<circle cx="6" cy="6" r="5" fill="currentColor"/>',
    "late": '<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" fill="currentColor"/>',
    "offline": '<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.6"/>',
    "waiting": '<circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" stroke-width="1.6" '
    'stroke-dasharray="1.4 1.49"/><circle class="gw-core" cx="6" cy="6" r="1.7" fill="currentColor"/>',
    "disabled": '<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M3.2 8.8 8.8 3.2" stroke="currentColor" stroke-width="1.6"/>',
    "expired": '<circle cx="6" cy="6" r="4.4" fill="none" stroke="currentColor" stroke-width="1.4"/>'
    '<path d="M6 3.6V6l1.7 1.2" fill="none" stroke="currentColor" stroke-width="1.3"/>',
    "ended": '<path d="M3 3l6 6M9 3 3 9" stroke="currentColor" stroke-width="1.6"/>',
}

# A permission is a line everywhere: whole = may reach, dashed = under a condition, cut with a cross = denied.
_WIRES = {
    "accept": (
        "",
        '<path d="M0 6h28" stroke="currentColor" stroke-width="1.8"/>'
        '<path d="M28 2.4 36 6l-8 3.6z" fill="currentColor"/>',
    ),
    "deny": (
        " gw-wire-deny",
        '<path d="M0 6h11M23 6h6" stroke="currentColor" stroke-width="1.8"/>'
        '<path d="m13.4 2.4 7.2 7.2m0-7.2-7.2 7.2" stroke="currentColor" stroke-width="1.6"/>'
        '<path d="M28 2.4 36 6l-8 3.6z" fill="currentColor"/>',
    ),
    "times": (
        "",
        '<path d="M0 6h28" stroke="currentColor" stroke-width="1.8" stroke-dasharray="4 2.6"/>'
        '<path d="M28 2.4 36 6l-8 3.6z" fill="currentColor"/>',
    ),
    "cut": (
        " gw-wire-deny",
        '<path d="M0 6h11M25 6h11" stroke="currentColor" stroke-width="1.8"/>'
        '<path d="m14.4 2.4 7.2 7.2m0-7.2-7.2 7.2" stroke="currentColor" stroke-width="1.6"/>',
    ),
}

# Shape says machine (square) or people (round).
_PEOPLE = ("group:", "user:", "autogroup:")
FEW = 10
"""So many chips stand beside each other; of more the first, with how many there are beside."""
LONG = 90
"""Letters that a row has room for."""
EMPTY = mark_safe('<span class="gw-dim">–</span>')


def glyph(state: str, *, big: bool = False) -> SafeString:
    """The mark of a state: online, late, offline, waiting, disabled, expired or ended."""
    return format_html(
        '<svg class="gw-glyph gw-is-{}{}" viewBox="0 0 12 12" aria-hidden="true" focusable="false">{}</svg>',
        state,
        " gw-glyph-big" if big else "",
        mark_safe(_GLYPHS[state]),  # noqa: S308 - drawn above
    )


def status(state: str, word: str | None = None) -> SafeString:
    """Glyph and word."""
    return format_html('<span class="gw-status gw-is-{}">{}{}</span>', state, glyph(state), word or state.capitalize())


def wire(kind: str, *, off: bool = False) -> SafeString:
    """The line between a source and a destination: accept, deny, times or cut."""
    tone, drawing = _WIRES[kind]
    return format_html(
        '<svg class="gw-wire{}" viewBox="0 0 36 12" aria-hidden="true" focusable="false">{}</svg>',
        " gw-wire-off" if off else tone,
        mark_safe(drawing),  # noqa: S308 - drawn above
    )


def icon(name: str, *, small: bool = False) -> SafeString:
    """A Material Symbol; decoration, so a word always stands beside it."""
    return format_html('<span class="gw-icon{}" aria-hidden="true">{}</span>', " gw-icon-s" if small else "", name)


def chip(selector: str, *, off: bool = False, url: str = "", people: bool = False) -> SafeString:
    """A selector as a chip: prefix dim, name ink; ``*`` reads "everything". ``people``: it stands for them."""
    prefix, name = "", "everything" if selector == "*" else selector
    if selector.split(":", 1)[0] in ("group", "user", "tag", "node", "host", "autogroup"):
        prefix, name = selector.split(":", 1)
        prefix += ":"
    classes = "gw-chip"
    if people or prefix in _PEOPLE:
        classes += " gw-chip-people"
    if off:
        classes += " gw-chip-off"
    # What may not have its whole width says all of itself on hover.
    hover = format_html(' title="{}"', selector) if len(selector) > 24 else ""
    if url:
        return format_html('<a class="{}" href="{}"{}>{}<b>{}</b></a>', classes, url, hover, prefix, name)
    return format_html('<span class="{}"{}>{}<b>{}</b></span>', classes, hover, prefix, name)


def flag(word: str, css: str) -> SafeString:
    """A word in a frame: deny, off, home."""
    return format_html('<span class="gw-flag {}">{}</span>', css, word)


def chips(selectors: Iterable[str]) -> SafeString:
    """Several chips in a row that wraps; a dash for none."""
    return chips_of(chip(selector) for selector in selectors)


def mono(text: object) -> SafeString:
    """What a machine knows: addresses, keys, ports."""
    return format_html('<span class="gw-mono">{}</span>', text) if text not in (None, "") else EMPTY


def link(url: str, text: object, *, subject: bool = False) -> SafeString:
    """A link, or just its words where the address is empty; ``subject`` marks the one that names a row."""
    if not url:
        return format_html("<b>{}</b>" if subject else "<span>{}</span>", text)
    if subject:
        return format_html('<a class="gw-subject" href="{}">{}</a>', url, text)
    return format_html('<a href="{}">{}</a>', url, text)


def dim(text: object) -> SafeString:
    """Said quietly: the usual case, so that exceptions stand out."""
    return format_html('<span class="gw-dim">{}</span>', text)


def gone(name: object) -> SafeString:
    """What is not there any more, by the name that it had. A line through it would hide the hyphens of names."""
    return format_html('<span class="gw-dim" title="Not there any more">{}</span>', name)


def addresses(pairs: Iterable[tuple[int, str]]) -> SafeString:
    """Mesh addresses as (family, address): IPv4 in ink, IPv6 dim."""
    inner = format_html_join(" ", '<span class="gw-v{}">{}</span>', pairs)
    return inner or dim("no address yet")


def many(number: int, one: str, plural: str = "") -> str:
    """``1 node``, ``3 nodes``, ``2 people``."""
    return f"{number:,} {one if number == 1 else plural or one + 's'}"


def span_words(span: timedelta) -> str:
    """A length of time in one unit: ``12 s``, ``7 min``, ``5 h``, ``61 days``."""
    seconds = int(abs(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def instant(at: datetime, text: str, *, css: str = "") -> SafeString:
    """A ``<time>``: words to read, the exact instant on hover (a script puts it into the viewer's zone)."""
    exact = at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}" class="{}">{}</time>', at.isoformat(), exact, css or "gw-nowrap", text
    )


def ago(at: datetime | None, now: datetime, *, never: str = "never") -> SafeString:
    """How long ago something was: ``7 min ago``."""
    if at is None:
        return dim(never)
    return instant(at, "just now" if now - at < timedelta(seconds=5) else f"{span_words(now - at)} ago")


def until(at: datetime | None, now: datetime, *, never: str = "never", soon: timedelta | None = None) -> SafeString:
    """When something ends: ``in 5 days``, warning if that is within ``soon``, dim if it is over or never."""
    if at is None:
        return dim(never)
    if at <= now:
        return instant(at, f"{span_words(now - at)} ago", css="gw-nowrap gw-dim")
    near = soon is not None and at - now < soon
    return instant(at, f"in {span_words(at - now)}", css="gw-nowrap gw-warn gw-strong" if near else "gw-nowrap")


def chips_of(made: Iterable[SafeString]) -> SafeString:
    """Chips that are made already, in a row that wraps, many of them folded; a dash for none."""
    inner = folded(made)
    return format_html('<span class="gw-chips">{}</span>', inner) if inner else EMPTY


def folded(made: Iterable[SafeString]) -> SafeString:
    """A few things one after the other; of more than ``FEW`` the first, and the rest where a reader unfolds them."""
    items = list(made)
    first = items if len(items) <= FEW else items[: FEW - 2]
    shown = format_html_join("", "{}", ((item,) for item in first))
    if len(items) == len(first):
        return shown
    rest = format_html_join("", "{}", ((item,) for item in items[len(first) :]))
    words = '{}<details class="gw-fold"><summary>and {} more</summary><span class="gw-chips">{}</span></details>'
    return format_html(words, shown, f"{len(items) - len(first):,}", rest)


def named(words: Iterable[object], *, most: int = 4) -> str:
    """Names in a sentence: ``web-1, web-2, db and 61 more``."""
    items = [str(word) for word in words]
    more = len(items) - most
    return f"{', '.join(items[:most])} and {more:,} more" if more > 0 else ", ".join(items)


def clamped(text: str) -> SafeString | str:
    """Text that a row may not grow by: two lines of what is long, all of it on hover."""
    return format_html('<span class="gw-clamp" title="{}">{}</span>', text, text) if len(text) > LONG else text
