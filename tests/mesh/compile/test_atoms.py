"""Where exactly denials cut the line of ports: at their first port and behind their last, and nowhere else."""

from __future__ import annotations

import pytest

from mesh.compile.atoms import Atoms, Part
from mesh.policy import Action, PortRange, Rule
from mesh.policy import selectors as s

TCP, UDP = 6, 17
Ports = tuple[tuple[int, int], ...]


def rule(action: Action, ports: Ports, protocols: tuple[int, ...] = (TCP,)) -> Rule:
    return Rule(0, 0, action, (s.ANY,), (s.ANY,), protocols, tuple(PortRange(*item) for item in ports))


def cut(denials: tuple[Ports, ...], ports: Ports) -> list[tuple[int, int, int]]:
    """The stretches of an accept rule for ``ports`` behind ``denials``, with the atoms numbered as they come."""
    accept = rule(Action.ACCEPT, ports)
    atoms = Atoms([*(rule(Action.DENY, item) for item in denials), accept])
    numbers = {-1: -1}
    found = []
    for part in atoms.parts(accept):
        assert part.protocol == TCP
        found.append((part.first, part.last, numbers.setdefault(part.atom, len(numbers) - 1)))
    reach = atoms.reach(accept)
    assert len(reach.atoms) == len(set(reach.atoms)) == len(numbers) - 1
    assert set(reach.atoms) == numbers.keys() - {-1}
    assert reach.free is any(number == -1 for _, _, number in found)
    return found


@pytest.mark.parametrize(
    ("denials", "ports", "expected"),
    [
        ((), ((0, 9),), [(0, 9, -1)]),
        ((((1, 5),),), ((0, 9),), [(0, 0, -1), (1, 5, 0), (6, 9, -1)]),
        ((((0, 0),),), ((0, 1),), [(0, 0, 0), (1, 1, -1)]),
        ((((0, 1),),), ((0, 0), (2, 3)), [(0, 0, 0), (2, 3, -1)]),
        ((((0, 9),),), ((0, 9),), [(0, 9, 0)]),
        ((((0, 9),),), ((0, 10),), [(0, 9, 0), (10, 10, -1)]),
        ((((5, 9),),), ((4, 9),), [(4, 4, -1), (5, 9, 0)]),
        ((((5, 9),),), ((9, 9),), [(9, 9, 0)]),
        ((((5, 9),),), ((10, 10),), [(10, 10, -1)]),
        ((((5, 9),),), ((4, 4),), [(4, 4, -1)]),
        ((((65_535, 65_535),),), ((65_534, 65_535),), [(65_534, 65_534, -1), (65_535, 65_535, 0)]),
        ((((65_000, 65_534),),), ((65_000, 65_535),), [(65_000, 65_534, 0), (65_535, 65_535, -1)]),
        ((((10, 20),), ((15, 30),)), ((10, 30),), [(10, 14, 0), (15, 20, 1), (21, 30, 2)]),
        ((((10, 20),), ((21, 30),)), ((10, 30),), [(10, 20, 0), (21, 30, 1)]),
        ((((10, 12), (20, 22)),), ((10, 22),), [(10, 12, 0), (13, 19, -1), (20, 22, 0)]),
        ((((10, 20),), ((10, 20),)), ((20, 21),), [(20, 20, 0), (21, 21, -1)]),
        ((((0, 65_535),),), ((0, 65_535),), [(0, 65_535, 0)]),
    ],
)
def test_ports_are_cut_where_denials_begin_and_behind_where_they_end(
    denials: tuple[Ports, ...], ports: Ports, expected: list[tuple[int, int, int]]
) -> None:
    assert cut(denials, ports) == expected


def test_an_accept_rule_cuts_nothing() -> None:
    accept = rule(Action.ACCEPT, ((5, 5),))
    assert Atoms([accept]).parts(rule(Action.ACCEPT, ())) == [Part(TCP, 0, 65_535, -1)]


def test_protocols_are_cut_each_on_its_own() -> None:
    deny = rule(Action.DENY, ((5, 5),), (UDP,))
    accept = rule(Action.ACCEPT, ((5, 5),), (TCP, UDP))
    first = Atoms([accept, deny])
    assert [part.atom == -1 for part in first.parts(accept)] == [True, False]
    assert first.reach(accept).free
    assert not first.reach(deny).free
    assert len(first.reach(deny).atoms) == 1
    both = Atoms([rule(Action.DENY, ((5, 5),), (TCP, UDP))])
    assert not both.reach(accept).free
    assert len(both.reach(accept).atoms) == 1
