"""Keys, sessions and tokens. Their secrets nobody has; services make those with secrets."""

from __future__ import annotations

from datetime import timedelta

import factory
from factory.django import DjangoModelFactory

from sessions_app.models import (
    ApiToken,
    AuditEntry,
    AuthKey,
    AuthKeyUse,
    Enrolment,
    NodeSession,
    PasswordLink,
    UsedChallenge,
)
from sessions_app.services.enrolments import derive_code
from tests.factories.network import NOW, NetworkFactory, NodeFactory, public_key
from tests.factories.person import UserFactory


class AuthKeyFactory(DjangoModelFactory[AuthKey]):
    """A stored key whose secret nobody has; services make keys with secrets."""

    network = factory.SubFactory(NetworkFactory)
    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"key-{n}")
    hint = factory.Sequence(lambda n: f"gwk_{n:06d}"[:12])
    digest = factory.Sequence(lambda n: b"k" + n.to_bytes(31, "big"))
    pepper = "test"

    class Meta:
        model = AuthKey


class AuthKeyUseFactory(DjangoModelFactory[AuthKeyUse]):
    auth_key = factory.SubFactory(AuthKeyFactory)
    node = factory.SubFactory(NodeFactory, network=factory.SelfAttribute("..auth_key.network"))

    class Meta:
        model = AuthKeyUse


class EnrolmentFactory(DjangoModelFactory[Enrolment]):
    """A machine that waits, and goes on waiting as long as a test does."""

    network = factory.SubFactory(NetworkFactory)
    code = factory.Sequence(lambda n: derive_code(n.to_bytes(16, "big")))
    public_key = factory.Sequence(lambda n: public_key(1_000_000 + n))
    reported = factory.Sequence(lambda n: {"hostname": f"machine-{n}", "os": "linux", "os_version": "Debian 12"})
    origin = source = "203.0.113.62"
    created_at = NOW
    expires_at = NOW + timedelta(days=3650)

    class Meta:
        model = Enrolment


class NodeSessionFactory(DjangoModelFactory[NodeSession]):
    node = factory.SubFactory(NodeFactory)
    digest = factory.Sequence(lambda n: b"s" + n.to_bytes(31, "big"))
    pepper = "test"
    created_at = NOW
    expires_at = NOW + timedelta(days=3650)
    origin = "203.0.113.61"

    class Meta:
        model = NodeSession


class ApiTokenFactory(DjangoModelFactory[ApiToken]):
    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"token-{n}")
    hint = factory.Sequence(lambda n: f"gwa_{n:06d}"[:12])
    digest = factory.Sequence(lambda n: b"a" + n.to_bytes(31, "big"))
    pepper = "test"

    class Meta:
        model = ApiToken


class UsedChallengeFactory(DjangoModelFactory[UsedChallenge]):
    nonce = factory.Sequence(lambda n: n.to_bytes(16, "big"))
    expires_at = NOW + timedelta(seconds=60)

    class Meta:
        model = UsedChallenge


class PasswordLinkFactory(DjangoModelFactory[PasswordLink]):
    user = factory.SubFactory(UserFactory)
    purpose = PasswordLink.Purpose.INVITE
    hint = factory.Sequence(lambda n: f"gwl_{n:06d}"[:12])
    digest = factory.Sequence(lambda n: b"l" + n.to_bytes(31, "big"))
    pepper = "test"
    created_at = NOW
    expires_at = NOW + timedelta(days=3650)

    class Meta:
        model = PasswordLink


class AuditEntryFactory(DjangoModelFactory[AuditEntry]):
    kind = AuditEntry.Kind.LOGIN
    actor = "user:1"
    origin = "203.0.113.63"
    facts = factory.LazyFunction(lambda: {"login": "ana", "browser": "Firefox"})
    created_at = NOW
    last_at = factory.SelfAttribute("created_at")
    minute = factory.LazyAttribute(lambda o: o.created_at.replace(second=0, microsecond=0))

    class Meta:
        model = AuditEntry
