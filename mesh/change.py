"""What a change is, and who caused it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class ChangeKind(StrEnum):
    """The kinds of steps that a network's map takes. The facts of each stand in ``nodes.facts``."""

    NODES = "nodes"  # nodes as they now are, whole or what many have in common, and ids of those that are gone
    ENDPOINTS = "endpoints"
    PRESENCE = "presence"
    SESSIONS = "sessions"  # sessions that ended
    POLICY = "policy"
    USERS = "users"
    NETWORK = "network"  # settings, DNS and relays
    CREDENTIALS = "credentials"  # a right that ended and that no map shows: keys, API tokens, passwords


@dataclass(frozen=True, slots=True)
class Cause:
    """Who made a change, from where, within which request. Stored with every change.

    ``actor`` is ``user:ID``, ``node:ID``, ``command`` or ``system:NAME``; ``origin`` is the caller's address.
    """

    actor: str
    origin: str = ""
    request_id: str = ""

    @classmethod
    def user(cls, user_id: int, *, origin: str = "", request_id: str = "") -> Self:
        """A person acted."""
        return cls(f"user:{user_id}", origin, request_id)

    @classmethod
    def node(cls, node_id: int, *, origin: str = "", request_id: str = "") -> Self:
        """An agent acted on behalf of its node."""
        return cls(f"node:{node_id}", origin, request_id)

    @classmethod
    def registration(cls, *, origin: str = "", request_id: str = "") -> Self:
        """A machine that has no node yet registers."""
        return cls("registration", origin, request_id)

    @classmethod
    def command(cls) -> Self:
        """Someone with a shell on the portal ran a command."""
        return cls("command")

    @classmethod
    def system(cls, name: str) -> Self:
        """A periodic task or the portal itself acted."""
        return cls(f"system:{name}")
