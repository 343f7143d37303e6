"""Rules in few words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mesh.policy import Action, PortRange, Rule
from mesh.policy import selectors as s

SSH, WEB = (PortRange(22, 22),), (PortRange(80, 80),)
Ends = s.Selector | tuple[s.Selector, ...]


def accept(sources: Ends, destinations: Ends, ports: Any = (), **more: Any) -> Rule:
    """A rule without a number; an end is one selector or several."""
    return Rule(0, 0, Action.ACCEPT, _ends(sources), _ends(destinations), more.pop("protocols", ()), ports, **more)


def deny(sources: Ends, destinations: Ends, ports: Any = (), **more: Any) -> Rule:
    """The same, which denies."""
    return replace(accept(sources, destinations, ports, **more), action=Action.DENY)


def numbered(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Rules in the order in which they count."""
    return tuple(replace(rule, id=place, position=place) for place, rule in enumerate(rules, start=1))


def _ends(given: Ends) -> tuple[s.Selector, ...]:
    return given if isinstance(given, tuple) else (given,)
