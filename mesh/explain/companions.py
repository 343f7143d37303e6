"""Devices of one user: the pairs of nodes to which ``autogroup:self`` applies, by block."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from mesh.compile import CompiledPolicy
from mesh.explain.blocks import Blocks


class Companions:
    """Pairs of untagged nodes of one user, where some policy looks at that; nothing else makes a difference to them."""

    __slots__ = ("_blocks", "_by_user", "_pairs", "_policies", "_sees")

    def __init__(self, policies: Sequence[CompiledPolicy], blocks: Blocks) -> None:
        self._policies = tuple(policies)
        self._blocks = blocks
        self._sees: dict[tuple[int, int, int], bool] = {}
        self._by_user: dict[int, dict[int, list[int]]] = {}
        self._pairs: Counter[tuple[int, int]] = Counter()
        if not any(policy.sides.self_lines for policy in policies):
            return
        number_of = blocks.by_node()
        for owner, ids in policies[-1].world.principals.items():
            if isinstance(owner, int) and len(ids) > 1:
                devices: dict[int, list[int]] = defaultdict(list)
                for ident in ids:
                    number = number_of.get(ident)
                    if number is not None:
                        devices[number].append(ident)
                self._by_user[owner] = devices
                self._count(devices)

    def _count(self, devices: dict[int, list[int]]) -> None:
        numbers = sorted(devices)
        for place, one in enumerate(numbers):
            size = len(devices[one])
            if size > 1:
                self._pairs[one, one] += size * (size - 1) // 2
            for other in numbers[place + 1 :]:
                self._pairs[one, other] += size * len(devices[other])

    def pairs(self) -> Iterator[tuple[int, int, int]]:
        """Two blocks, the smaller number first, and how many pairs of one user's nodes lie in them."""
        for (one, other), pairs in self._pairs.items():
            yield one, other, pairs

    def sees(self, policy: int, one: int, other: int) -> bool:
        """Whether nodes of one user in these blocks see each other."""
        key = (policy, one, other)
        found = self._sees.get(key)
        if found is None:
            by_number = self._blocks.by_number
            shapes = by_number[one].shapes[policy], by_number[other].shapes[policy]
            found = self._sees[key] = self._policies[policy].same_user_sees(*shapes)
        return found

    def are(self, one: int, two: int) -> bool:
        """Whether two nodes are such a pair."""
        owner = self._policies[-1].owner_of(one) if self._by_user else None
        return owner is not None and owner == self._policies[-1].owner_of(two)

    def between(self, one: int, other: int) -> Iterator[tuple[int, int]]:
        """Pairs of one user's nodes in two blocks, smaller id first."""
        for devices in self._by_user.values():
            if one in devices and other in devices:
                yield from (
                    (min(a, b), max(a, b)) for a in devices[one] for b in devices[other] if a < b or one != other
                )

    def nodes(self, new: int, old: int) -> Iterator[tuple[int, int]]:
        """Pairs of one user's nodes that see each other in policy ``new`` and not in ``old``, smaller id first."""
        for devices in self._by_user.values():
            numbers = sorted(devices)
            for place, one in enumerate(numbers):
                for other in numbers[place:]:
                    if self.sees(new, one, other) and not self.sees(old, one, other):
                        yield from (
                            (min(a, b), max(a, b))
                            for a in devices[one]
                            for b in devices[other]
                            if a < b or one != other
                        )
