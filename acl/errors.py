"""Errors of policies, in the family of all errors."""

from __future__ import annotations

from mesh.errors import ConflictError


class OutdatedError(ConflictError):
    """An edit was made against another version of the policy than the one in force (RFC 9110, section 13.1.1)."""

    status = 412
    title = "Changed meanwhile"


class OnTrialError(ConflictError):
    """A policy is on trial: nothing else comes into force before it is confirmed or reverted."""

    title = "A policy is on trial"
