"""The peppers that key stored digests. They live in the secrets beside the configuration, never in the database."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from mesh.tokens import digest_token


@dataclass(frozen=True, slots=True)
class KeyedDigest:
    """What is stored of a token: 32 bytes, and the id of the pepper that keyed them."""

    digest: bytes
    pepper: str


def digest_for_storage(token: str) -> KeyedDigest:
    """The digest of a new token under the newest pepper."""
    newest = settings.GHOSTWIRE_SECRETS.peppers[0]
    return KeyedDigest(digest_token(token, newest.value), newest.id)


def digests_to_look_up(token: str) -> list[bytes]:
    """The digests that a presented token may be stored under, one a pepper in use.

    Looking up a keyed digest by index reveals nothing through timing: whoever does not know the pepper cannot
    choose a token whose digest shares a prefix with a stored one.
    """
    return [digest_token(token, pepper.value) for pepper in settings.GHOSTWIRE_SECRETS.peppers]
