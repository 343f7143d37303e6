"""The small parts of the engine: bits, tables, prefixes, atoms, the internet."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.compile.atoms import Atoms
from mesh.compile.bits import few, large_mask_of, mask_of, members
from mesh.compile.editing import _longest_ascending
from mesh.compile.ids import id_set_type, ranges_of
from mesh.compile.internet import collapsed, internet_prefixes, is_internet
from mesh.compile.prefixes import PrefixTable
from mesh.compile.sets import set_difference, set_name, wire_set
from mesh.compile.table import Table
from mesh.compile.terms import SourceTerm
from mesh.netmap.apply import apply_delta
from mesh.policy import Action, Condition, ConditionKind, PortRange, Rule, merge_ports
from mesh.policy import selectors as s

NUMBERS = st.sets(st.integers(0, 300), max_size=40)


@given(NUMBERS)
def test_bit_sets_hold_their_numbers(numbers: set[int]) -> None:
    mask = mask_of(numbers)
    assert mask == large_mask_of(numbers, 301)
    assert members(mask) == few(mask) == sorted(numbers)


def test_dense_bit_sets_do_too() -> None:
    assert members((1 << 500) - 1) == list(range(500))
    assert members(0) == []


@given(st.lists(st.dictionaries(st.integers(0, 9), st.one_of(st.none(), st.integers(1, 99)), max_size=4), max_size=6))
def test_a_table_is_a_map_that_leaves_its_past_alone(steps: list[dict[int, int | None]]) -> None:
    expected = {number: number for number in range(1, 6)}
    table: Table[int, int] = Table(dict(expected))
    for step in steps:
        before, had = table, dict(expected)
        table = table.updated(step)
        expected.update({key: value for key, value in step.items() if value is not None})
        for key in [key for key, value in step.items() if value is None]:
            expected.pop(key, None)
        assert dict(table.items()) == expected
        assert len(table) == len(expected)
        assert [table.get(key) for key in range(10)] == [expected.get(key) for key in range(10)]
        assert dict(before.items()) == had


def test_a_table_that_moved_far_is_written_anew() -> None:
    table: Table[int, int] = Table(dict.fromkeys(range(100), 1))
    table = table.updated({number: None if number % 2 else 2 for number in range(1_000)})
    assert len(table) == 500
    assert table.get(1) is None
    assert table.get(998) == 2


PREFIXES = st.tuples(st.integers(0, 15), st.integers(28, 32)).map(
    lambda pair: ip_network((0x0A000000 + (pair[0] >> (32 - pair[1]) << (32 - pair[1])), pair[1]))
)


@given(st.lists(PREFIXES, unique=True, max_size=6), PREFIXES)
def test_a_route_is_cut_where_terms_begin_and_end(prefixes: list[object], route: object) -> None:
    table = PrefixTable((prefix, 1 << number) for number, prefix in enumerate(prefixes))  # type: ignore[misc]
    of_address = {address: table.terms_of(address) for address in route}  # type: ignore[attr-defined]
    for address, terms in of_address.items():
        assert terms == mask_of(number for number, prefix in enumerate(prefixes) if address in prefix)  # type: ignore[operator]
    pieces = table.pieces_of(route)  # type: ignore[arg-type]
    assert set(pieces) == set(of_address.values())
    assert len(pieces) == len(set(pieces))


RULES = st.lists(
    st.builds(
        Rule,
        st.just(0),
        st.just(0),
        st.sampled_from(list(Action)),
        st.just((s.ANY,)),
        st.just((s.ANY,)),
        st.sampled_from(((), (6,), (17, 6), (1,))),
        st.lists(
            st.tuples(st.integers(0, 20), st.integers(0, 3)).map(lambda pair: PortRange(pair[0], pair[0] + pair[1])),
            max_size=2,
        ).map(tuple),
    ),
    max_size=5,
)


@given(RULES)
def test_atoms_are_what_denials_cannot_tell_apart(rules: list[Rule]) -> None:
    atoms = Atoms(rules)

    def denials(protocol: int, port: int) -> frozenset[int]:
        return frozenset(
            number
            for number, rule in enumerate(rules)
            if not rule.accepts
            and any(item.first <= port <= item.last for item in dict(rule.services()).get(protocol, ()))
        )

    meaning: dict[int, frozenset[int]] = {}
    for rule in rules:
        parts = atoms.parts(rule)
        reach = atoms.reach(rule)
        assert {part.atom for part in parts} - {-1} == set(reach.atoms)
        assert reach.free is any(part.atom == -1 for part in parts)
        for part in parts:
            for port in {part.first, part.last, min(part.first + 1, part.last)}:
                under = denials(part.protocol, port)
                assert meaning.setdefault(part.atom, under) == under
                assert (part.atom == -1) is not bool(under)
        for protocol, ranges in rule.services():
            mine = [PortRange(part.first, part.last) for part in parts if part.protocol == protocol]
            assert merge_ports(mine) == merge_ports(ranges)
            assert sum(item.last - item.first + 1 for item in mine) == sum(
                item.last - item.first + 1 for item in ranges
            )
    assert len(set(meaning.values())) == len(meaning)


@given(st.permutations(range(7)))
def test_as_many_as_can_stay_in_order(order: list[int]) -> None:
    chosen = dict(sorted(_longest_ascending(list(enumerate(order))).items()))
    assert list(chosen.values()) == sorted(chosen.values())
    assert all(order[place] == number for place, number in chosen.items())
    best = max(
        bin(mask).count("1")
        for mask in range(1 << 7)
        if [order[n] for n in range(7) if mask >> n & 1] == sorted(order[n] for n in range(7) if mask >> n & 1)
    )
    assert len(chosen) == best


def test_ids_beyond_32_bits_need_the_wide_bitmap() -> None:
    assert id_set_type(2**32 - 1) is not id_set_type(2**32)
    assert list(id_set_type(2**53)([2**53 - 1, 5])) == [5, 2**53 - 1]


def test_ranges_merge_neighbours() -> None:
    assert ranges_of([]) == []
    assert ranges_of([1, 2, 3, 5, 7, 8]) == [[1, 3], [5, 5], [7, 8]]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("1.0.0.0", True),
        ("223.255.255.255", True),
        ("0.1.2.3", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("100.128.0.1", True),
        ("127.0.0.1", False),
        ("169.254.1.1", False),
        ("172.16.0.1", False),
        ("172.32.0.1", True),
        ("192.168.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("9.9.9.9", False),
        ("2600::1", True),
        ("2001:4860::8888", True),
        ("2001:0:1::1", False),
        ("2002:a00::1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("ff02::1", False),
        ("64:ff9b::a00:1", False),
        ("::1", False),
        ("2a00:1::1", False),
    ],
)
def test_the_internet_leaves_out_what_is_private_the_mesh_and_subnets(address: str, expected: bool) -> None:
    excluded = [ip_network("9.0.0.0/8"), ip_network("2a00:1::/32"), ip_network("0.0.0.0/0"), ip_network("::/0")]
    found = ip_address(address)
    prefixes = internet_prefixes(found.version, excluded)
    assert any(found in prefix for prefix in prefixes) is expected
    assert is_internet(found, excluded) is expected


def test_prefixes_of_the_internet_do_not_overlap() -> None:
    for family in (4, 6):
        prefixes = internet_prefixes(family, [ip_network("8.0.0.0/30"), ip_network("2a00::/48")])
        assert collapsed(prefixes) == prefixes


def test_the_name_of_a_set_follows_from_what_it_says() -> None:
    linux = (Condition(ConditionKind.OS_IN, ("linux",)),)
    terms = [
        SourceTerm(s.group("ops")),
        SourceTerm(s.group("ops"), linux),
        SourceTerm(s.group("ops"), linux, True),
        SourceTerm(s.group("dev")),
        SourceTerm(s.host("ops")),
    ]
    names = [set_name(term) for term in terms]
    assert len(set(names)) == len(names)
    assert set_name(SourceTerm(s.group("ops"))) == names[0]
    assert all(len(name) == 11 and "ops" not in name for name in names)


MEMBERS = st.builds(
    lambda users, tags, ids, prefixes: wire_set(users=users, tags=tags, ids=sorted(ids), prefixes=prefixes),
    st.sets(st.integers(1, 9), max_size=4),
    st.sets(st.sampled_from(("tag:a", "tag:b")), max_size=2),
    st.sets(st.integers(1, 30), max_size=9),
    st.sets(st.sampled_from(tuple(map(ip_network, ("10.0.0.0/8", "9.0.0.0/8", "fd00::/64")))), max_size=3),
)


@given(MEMBERS, MEMBERS)
def test_the_difference_of_sets_is_what_readers_apply(before: dict[str, object], after: dict[str, object]) -> None:
    change = set_difference(before, after)
    assert (change == {}) is (before == after)
    netmap = {"epoch": 1, "version": 1, "node": {"user": None}, "peers": [], "user_profiles": {}, "sets": {"x": before}}
    delta = {"epoch": 1, "from": 1, "to": 2, "sets": {"x": change} if change else {}}
    assert apply_delta(netmap, delta)["sets"]["x"] == after
