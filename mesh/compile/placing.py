"""Moving nodes between classes, and making classes that were never met before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mesh.compile.bits import few
from mesh.compile.classes import NO_SHAPE, Classes, Shape, plain_shape, shape_of
from mesh.compile.classifier import Classifier, FacetKey
from mesh.compile.world import IPV4, IPV6
from mesh.policy.facts import PolicyNode


def is_single(node: PolicyNode, classifier: Classifier) -> bool:
    """Whether some rule singles ``node`` out, so that its facets do not follow from its kind."""
    if node.routes or classifier.names(node.id):
        return True
    prefixes = classifier.prefixes
    return bool(prefixes) and any(prefixes.terms_of(address) for address in node.addresses)


@dataclass(slots=True)
class Placing:
    """Classes in the making: starts from ``before`` and collects moves, to be applied at once."""

    before: Classes
    keys: list[FacetKey] = field(init=False)
    index: dict[FacetKey, int] = field(init=False)
    _moves: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    _singles: dict[int, Shape | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys, self.index = self.before.keys, self.before.index

    def number(self, key: FacetKey) -> int:
        """The class of ``key``, made where there is none yet."""
        found = self.index.get(key)
        if found is None:
            if self.index is self.before.index:
                self.keys, self.index = list(self.keys), dict(self.index)
            found = self.index[key] = len(self.keys)
            self.keys.append(key)
        return found

    def place(self, node: PolicyNode, old: Shape, classifier: Classifier) -> None:
        """Put ``node``, which had the shape ``old``, where ``classifier`` says."""
        if is_single(node, classifier):
            new = shape_of(classifier.facets(node), self.number)
            self._singles[node.id] = new
        else:
            kind = classifier.kind_of(node)
            new = plain_shape(self.number(classifier.facet_of_kind(kind))) if kind.families else NO_SHAPE
            if self.before.singles.get(node.id) is not None:
                self._singles[node.id] = None
        self._move(node.id, old, new)

    def remove(self, node_id: int, old: Shape) -> None:
        """Take out a node that had the shape ``old``."""
        if self.before.singles.get(node_id) is not None:
            self._singles[node_id] = None
        self._move(node_id, old, NO_SHAPE)

    def move_alike(self, ids: Sequence[int], old: int, key: FacetKey) -> None:
        """Move nodes that no rule singles out from class ``old`` to that of ``key``."""
        new = self.number(key)
        if new != old:
            self._of(old)[0].extend(ids)
            self._of(new)[1].extend(ids)

    def _move(self, node_id: int, old: Shape, new: Shape) -> None:
        for number in old.all:
            if not new.mask >> number & 1:
                self._of(number)[0].append(node_id)
        for number in new.all:
            if not old.mask >> number & 1:
                self._of(number)[1].append(node_id)

    def _of(self, number: int) -> tuple[list[int], list[int]]:
        return self._moves.setdefault(number, ([], []))

    def classes(self, id_set: Callable[[Iterable[int]], object]) -> Classes:
        """The classes after all moves; the lists that nothing changed in are those of before."""
        before = self.before
        fresh = self.keys[len(before.keys) :]
        members = before.members
        if fresh or self._moves:
            members = [*members, *(id_set(()) for _ in fresh)]
        for number, (leaving, coming) in self._moves.items():
            members[number] = (members[number] - id_set(leaving)) | id_set(coming)
        singles = before.singles.updated(self._singles) if self._singles else before.singles
        if not fresh:
            return Classes(self.keys, self.index, members, singles, before.term_members, before.families)
        first = len(before.keys)
        ipv4, ipv6 = before.families
        for number, key in enumerate(fresh, start=first):
            ipv4 |= bool(key.families & IPV4) << number
            ipv6 |= bool(key.families & IPV6) << number
        terms = _with_terms(before.term_members, [key.terms for key in fresh], first)
        return Classes(self.keys, self.index, members, singles, terms, (ipv4, ipv6))


def _with_terms(table: list[int], masks: list[int], first: int) -> list[int]:
    """The members of each term with those of new classes, numbered from ``first``, whose terms are ``masks``."""
    grown = list(table)
    for number, mask in enumerate(masks, start=first):
        for term in few(mask):
            while len(grown) <= term:
                grown.append(0)
            grown[term] |= 1 << number
    return grown
