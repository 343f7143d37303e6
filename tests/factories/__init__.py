"""Rows for tests, valid by themselves. ``NodeFactory()`` brings a network; pass ``network=`` to share one.

Factories write rows directly, without a Change: they are the state before what a test does.
"""

from tests.factories.credential import (
    ApiTokenFactory,
    AuthKeyFactory,
    AuthKeyUseFactory,
    NodeSessionFactory,
    UsedChallengeFactory,
)
from tests.factories.network import (
    NOW,
    AddressFactory,
    ChangeFactory,
    DnsRecordFactory,
    EndpointFactory,
    NameReservationFactory,
    NetworkFactory,
    NodeFactory,
    NodeTagFactory,
    RelayRegionFactory,
    RelayServerFactory,
    RetiredKeyFactory,
    RouteFactory,
    TaggedNodeFactory,
    public_key,
)
from tests.factories.person import (
    UserFactory,
)
from tests.factories.policy import (
    AclRuleFactory,
    AutoApprovalFactory,
    AutoApproverFactory,
    GroupFactory,
    GroupMemberFactory,
    HostFactory,
    NodeAttributeFactory,
    PolicyBoundaryFactory,
    PolicyClockFactory,
    PolicyTestFactory,
    PolicyVersionFactory,
    TagOwnerFactory,
)

__all__ = [
    "NOW",
    "AclRuleFactory",
    "AddressFactory",
    "ApiTokenFactory",
    "AuthKeyFactory",
    "AuthKeyUseFactory",
    "AutoApprovalFactory",
    "AutoApproverFactory",
    "ChangeFactory",
    "DnsRecordFactory",
    "EndpointFactory",
    "GroupFactory",
    "GroupMemberFactory",
    "HostFactory",
    "NameReservationFactory",
    "NetworkFactory",
    "NodeAttributeFactory",
    "NodeFactory",
    "NodeSessionFactory",
    "NodeTagFactory",
    "PolicyBoundaryFactory",
    "PolicyClockFactory",
    "PolicyTestFactory",
    "PolicyVersionFactory",
    "RelayRegionFactory",
    "RelayServerFactory",
    "RetiredKeyFactory",
    "RouteFactory",
    "TagOwnerFactory",
    "TaggedNodeFactory",
    "UsedChallengeFactory",
    "UserFactory",
    "public_key",
]
