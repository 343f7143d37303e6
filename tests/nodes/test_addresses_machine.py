"""Whatever administrators and machines do in whatever order: no address is held by two, none that may not be."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mesh.addressing import Pool, parse_exclusions
from mesh.change import Cause
from mesh.errors import ConflictError, ResourceExhaustedError, ValidationError
from nodes.changes import lock_network
from nodes.models import Address, Network, Node
from nodes.services.addresses import allocate_addresses, fix_address, pool_of, release_addresses
from nodes.services.network import update_network
from tests.factories import NetworkFactory, NodeFactory
from tests.fixtures import START

offsets = st.integers(0, 15)
QUARANTINE = timedelta(days=1)


class AddressMachine(RuleBasedStateMachine):
    """A network of a dozen addresses, beside a model that lists who holds what and what rests until when."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.transaction: Any = transaction.atomic()
        self.transaction.__enter__()
        self.held: dict[int, list[str]] = {}
        self.resting: dict[str, Any] = {}
        # Held since before they were excluded: those may stay.
        self.tolerated: set[str] = set()
        self.network: Network

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize(has_ipv6=st.booleans())
    def begin(self, has_ipv6: bool) -> None:
        self.network = NetworkFactory(ipv4_range="10.1.0.0/28", ipv6_range="fd00:1::/124" if has_ipv6 else None)

    def lock(self) -> Network:
        self.network = lock_network(self.network.pk)
        return self.network

    def text(self, offset: int, family: int) -> str:
        return str(ip_address("10.1.0.0") + offset) if family == 4 else str(ip_address("fd00:1::") + offset)

    def free(self, family: int) -> list[str]:
        """What may be given out now, by the model."""
        pool = pool_of(self.network, family)
        if pool is None:
            return []
        taken = {address for addresses in self.held.values() for address in addresses}
        resting = {address for address, until in self.resting.items() if until > self.now}
        everything = [str(address) for address in pool.network if pool.is_allocatable(address)]
        return [address for address in everything if address not in taken and address not in resting]

    @rule()
    def allocate(self) -> None:
        network = self.lock()
        families = [family for family in (4, 6) if pool_of(network, family) is not None]
        possible = all(self.free(family) for family in families)
        node = NodeFactory(network=network, owner=None)
        try:
            with transaction.atomic():
                rows = allocate_addresses(network=network, node=node, now=self.now)
        except ResourceExhaustedError:
            assert not possible
            # The transaction took the cursor back; read it again, as the next caller does.
            node.delete()
            return
        assert possible
        given = [str(row.address) for row in rows]
        for family, address in zip(families, given, strict=True):
            assert address in self.free(family)
            never_used = [item for item in self.free(family) if item not in self.resting]
            assert address in never_used or not never_used
            if not never_used:
                assert self.resting[address] == min(self.resting[item] for item in self.free(family))
        self.held[node.pk] = given
        for address in given:
            self.resting.pop(address, None)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        node_id = data.draw(st.sampled_from(sorted(self.held)))
        release_addresses(network=self.lock(), node=Node.objects.get(pk=node_id), now=self.now)
        for address in self.held.pop(node_id):
            self.resting[address] = self.now + QUARANTINE
            self.tolerated.discard(address)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), offset=offsets, family=st.sampled_from([4, 6]))
    def fix(self, data: st.DataObject, offset: int, family: int) -> None:
        network = self.lock()
        node_id = data.draw(st.sampled_from(sorted(self.held)))
        wanted = self.text(offset, family)
        pool = pool_of(network, family)
        others = {address for pk, addresses in self.held.items() if pk != node_id for address in addresses}
        try:
            fix_address(network=network, node=Node.objects.get(pk=node_id), address=wanted, now=self.now)
        except ConflictError:
            assert wanted in others
            return
        except ValidationError:
            assert pool is None or not pool.is_allocatable(ip_address(wanted))
            return
        assert pool is not None and pool.is_allocatable(ip_address(wanted)) and wanted not in others
        before = [address for address in self.held[node_id] if ip_address(address).version == family]
        self.held[node_id] = [*(set(self.held[node_id]) - set(before)), wanted]
        for address in before:
            if address != wanted:
                self.resting[address] = self.now + QUARANTINE
                self.tolerated.discard(address)
        self.resting.pop(wanted, None)

    @rule(pairs=st.lists(st.tuples(offsets, offsets), max_size=3), family=st.sampled_from([4, 6]))
    def exclude(self, pairs: list[tuple[int, int]], family: int) -> None:
        texts = [f"{self.text(min(pair), family)}-{self.text(max(pair), family)}" for pair in pairs]
        update_network(network_id=self.network.pk, changes={"excluded": texts}, cause=Cause.command(), now=self.now)
        self.network.refresh_from_db()
        self.tolerated |= {address for addresses in self.held.values() for address in addresses}

    @rule(hours=st.sampled_from([1, 12, 24, 25]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def no_address_is_held_by_two_and_the_model_agrees(self) -> None:
        if not hasattr(self, "network"):
            return
        rows = list(Address.objects.filter(network=self.network).exclude(node=None).values_list("node_id", "address"))
        assert len({address for _, address in rows}) == len(rows)
        stored: dict[int, set[str]] = {}
        for node_id, address in rows:
            stored.setdefault(node_id, set()).add(address)
        assert stored == {node_id: set(addresses) for node_id, addresses in self.held.items()}

    @invariant()
    def none_is_held_that_may_not_be(self) -> None:
        for address in (address for addresses in self.held.values() for address in addresses):
            parsed = ip_address(address)
            network_range = self.network.ipv4_range if parsed.version == 4 else self.network.ipv6_range
            pool = pool_of(self.network, parsed.version)
            assert pool is not None and network_range
            bare = Pool(pool.network)
            assert bare.is_allocatable(parsed)
            if address not in self.tolerated:
                excluded = parse_exclusions(self.network.excluded, family=parsed.version)
                assert not any(part.first <= int(parsed) <= part.last for part in excluded)


@pytest.mark.django_db
def test_addresses_are_never_held_twice() -> None:
    run_state_machine_as_test(
        AddressMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
