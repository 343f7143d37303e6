"""Who is calling: a node with its session token, or a person with an API token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from coordinator.requests import origin_of, request_id_of
from coordinator.validations import asking_database
from mesh.change import Cause
from mesh.errors import AuthenticationError, PermissionDeniedError
from nodes.models import Node
from sessions_app.models import ApiToken, NodeSession, User
from sessions_app.services.api_tokens import validate_api_token
from sessions_app.services.sessions import find_session, use_session

SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class AgentPrincipal:
    """The node that a request speaks for. Stands where DRF expects a user."""

    node: Node
    is_authenticated: bool = True


def bearer_token(header: str | None) -> str:
    """The token of an ``Authorization`` header. Raises AuthenticationError if there is none."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != SCHEME or not token or token != token.strip():
        raise AuthenticationError("A bearer token is needed.")
    return token


@asking_database()
def admit_node(*, token: str, now: datetime) -> NodeSession:
    """The live session of a node that may take part, with its node, network and owner.

    The node's state decides before the session does. Raises PermissionDeniedError for a node that is disabled,
    expired or pending, or whose owner is disabled; AuthenticationError for a session that is unknown or has ended.
    """
    session = find_session(token=token)
    check_node(session.node, now)
    use_session(session=session, token=token, now=now)
    if session.node.login_required:
        raise AuthenticationError("The node must log in again.")
    return session


@asking_database()
def admit_session(*, session_id: int, now: datetime) -> NodeSession:
    """A session that a socket was opened with, as it stands now, with its node, network and owner: one query.

    Raises PermissionDeniedError for a node that is gone or may not take part, AuthenticationError for a session that
    has ended.
    """
    session = NodeSession.objects.select_related("node__network", "node__owner").filter(pk=session_id).first()
    if session is None:
        raise PermissionDeniedError("This node was deleted.")
    check_node(session.node, now)
    if session.ended_at is not None or session.expires_at <= now or session.node.login_required:
        raise AuthenticationError("The session has ended.")
    return session


def check_node(node: Node, now: datetime) -> None:
    """Raises PermissionDeniedError if the node may not take part at ``now``, whatever its session says."""
    if node.state != Node.State.ACTIVE:
        raise PermissionDeniedError(f"This node is {node.get_state_display().lower()}.")
    if node.key_expires_at is not None and node.key_expires_at <= now:
        raise PermissionDeniedError("The key of this node has expired.")
    if node.owner is not None and not node.owner.is_active:
        raise PermissionDeniedError("The owner of this node is disabled.")


class NodeSessionAuthentication(BaseAuthentication):
    """``Authorization: Bearer gws_...``"""

    def authenticate(self, request: Request) -> tuple[AgentPrincipal, NodeSession]:
        token = bearer_token(request.META.get("HTTP_AUTHORIZATION"))
        session = admit_node(token=token, now=timezone.now())
        return AgentPrincipal(session.node), session

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ApiTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer gwa_...``"""

    def authenticate(self, request: Request) -> tuple[User, ApiToken]:
        token = bearer_token(request.META.get("HTTP_AUTHORIZATION"))
        cause = Cause("anonymous", origin_of(request), request_id_of(request))
        api_token = validate_api_token(token=token, now=timezone.now(), cause=cause)
        return api_token.user, api_token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
