"""Accesses: what a node of one block may do to a node of another, worked out once for all blocks alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from mesh.compile import CompiledPolicy
from mesh.explain.blocks import Blocks
from mesh.explain.openings import Openings, Services, Stretch, services_of_stretches
from mesh.explain.times import EVER, LASTING, NOW, Times


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What a sender may do to a receiver: at this instant, at every instant (a part of that), and at this or some later
    one (that and more).

    Within one ``Accesses`` equal accesses are one object: they are counted by the hundred thousand.
    """

    now: Services
    lasting: Services
    ever: Services


NOTHING: Final = Access((), (), ())

Key: TypeAlias = tuple[tuple[int, int, int, int], ...]
"""Stretches, each with the number of the policy that opens it before it."""


class Accesses:
    """What a node of one block may do to one of another, in a policy now, at all times and at some time. ``blocks`` are
    those of all of its ``times``."""

    __slots__ = ("_between", "_blocks", "_known", "_merged", "_openings", "_parts", "_places", "_policies", "_profiles")

    def __init__(self, times: Times, blocks: Blocks) -> None:
        self._policies = times.policies
        self._places = times.places
        self._blocks = blocks
        self._openings = [Openings(policy, blocks.seen_by(index)) for index, policy in enumerate(times.policies)]
        self._profiles: dict[int, object] = {}
        self._parts: dict[object, list[tuple[int, Access]]] = {}
        self._between: dict[tuple[int, int], Access] = {}
        self._known: dict[tuple[Services, ...], Access] = {((), (), ()): NOTHING}
        self._merged: dict[Key, Access] = {}

    def profile(self, receiver: int) -> object:
        """What blocks have in common into which the same flows are accepted: a key."""
        found = self._profiles.get(receiver)
        if found is None:
            shapes = self._blocks.by_number[receiver].shapes
            found = self._profiles[receiver] = tuple(
                self._lines(policy, number)
                for policy, shape in zip(self._policies, shapes, strict=True)
                for number in shape.all
            )
        return found

    @staticmethod
    def _lines(policy: CompiledPolicy, number: int) -> tuple[int, int]:
        key = policy.classes.keys[number]
        return policy.sides.towards(key.terms), key.families

    def into(self, receiver: int) -> list[tuple[int, Access]]:
        """Blocks, as bits, with what they may do to block ``receiver``, own devices aside; those that may do nothing
        at any time are left out."""
        key = self.profile(receiver)
        found = self._parts.get(key)
        if found is None:
            opened = [openings.into(receiver) for openings in self._openings]
            found = self._parts[key] = self._cut(opened)
        return found

    def strangers(self, sender: int, receiver: int) -> Access:
        """What a node of one block may do to a node of another that is not of the same user."""
        return next((access for mask, access in self.into(receiver) if mask >> sender & 1), NOTHING)

    def companions(self, sender: int, receiver: int) -> Access:
        """The same between two nodes of one user."""
        if not any(policy.sides.self_lines for policy in self._policies):
            return self.strangers(sender, receiver)
        found = self._between.get((sender, receiver))
        if found is None:
            opened = [services_of_stretches(item.between(sender, receiver)) for item in self._openings]
            found = self._between[sender, receiver] = self._access(opened)
        return found

    def between(self, sender: int, receiver: int, *, same_user: bool) -> tuple[Access, ...]:
        """The same for either; nothing where they may do nothing at any time."""
        access = self.companions(sender, receiver) if same_user else self.strangers(sender, receiver)
        return (access,) if access.ever else ()

    def _cut(self, opened: Sequence[Mapping[Stretch, int]]) -> list[tuple[int, Access]]:
        """The blocks cut into parts that may do the same."""
        parts: dict[Key, int] = {}
        for index, stretches in enumerate(opened):
            for (protocol, first, last), senders in stretches.items():
                said, fresh = (index, protocol, first, last), senders
                for key, mask in list(parts.items()):
                    common = mask & senders
                    if common:
                        fresh &= ~common
                        parts[(*key, said)] = common
                        if common == mask:
                            del parts[key]
                        else:
                            parts[key] = mask & ~common
                if fresh:
                    parts[said,] = fresh
        alike: dict[Access, int] = defaultdict(int)
        every = range(len(opened))
        for key, mask in parts.items():
            access = self._merged.get(key)
            if access is None:
                access = self._merged[key] = self._access(
                    [services_of_stretches(item[1:] for item in key if item[0] == index) for index in every]
                )
            alike[access] |= mask
        return [(mask, access) for access, mask in alike.items()]

    def _access(self, opened: Sequence[Services]) -> Access:
        """``opened``: what each of the policies opens."""
        eras = tuple(opened[place] for place in self._places)
        found = self._known.get(eras)
        if found is None:
            found = self._known[eras] = Access(eras[NOW], eras[LASTING], eras[EVER])
        return found
