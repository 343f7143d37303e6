"""Acts on rows: what they are called, who may, what they ask first, and which service they call.

One description serves the buttons on an object's page, the bulk bar under a list, and the confirmation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from portal.forms import ServiceForm
from portal.undo import Undo

Run = Callable[[HttpRequest, Any, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a confirmation: what ``subject`` loses. The ``worst`` come first, on red ground."""

    subject: str
    text: str | SafeString
    worst: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before an act. ``tick`` is the damage in words: ticking it enables the button."""

    title: str
    lead: str
    button: str
    rows: Sequence[Row] = ()
    tick: str = ""
    keep: str = "Cancel"


def _always(obj: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Verb:
    """An act. ``right`` is a capability of ``sessions_app.roles``. Without ``ask`` it runs at once (by POST).

    ``weigh`` asks once more where what the form says cuts something: its question, or None to go on. ``undo`` is asked
    before an act on one object, and says how to take it back. ``minor`` ones stand in a menu.
    """

    name: str
    label: str
    right: str
    run: Run
    done: Callable[[Sequence[Any]], str]
    ask: Callable[[Sequence[Any]], Question] | None = None
    form: type[ServiceForm] | None = None
    icon: str = ""
    destroys: bool = False
    # Whether the service takes ``forced``, which overrides what speaks against the act; ``run`` finds it in data.
    may_force: bool = False
    bulk: bool = True
    single: bool = True
    offered: Callable[[Any], bool] = field(default=_always)
    weigh: Callable[[Sequence[Any], dict[str, Any]], Question | None] | None = None
    undo: Callable[[Any], Undo | None] | None = None
    minor: bool = False

    @property
    def asks(self) -> bool:
        """Whether a page comes first. For templates, which would call ``ask`` and ``form`` instead of looking."""
        return self.ask is not None or self.form is not None


def count(objects: Sequence[Any], one: str, many: str) -> str:
    """``web-1`` for one object, ``3 nodes`` for several."""
    return f"{len(objects)} {many}" if len(objects) != 1 else f"{one} {objects[0]}".strip()
