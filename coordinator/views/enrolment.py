"""Getting in: challenge, registration, waiting for a person, session."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.challenges import Proof, check_proof, issue_challenge
from coordinator.enrolments import Collection, collect_enrolment, request_enrolment
from coordinator.limits import enforce_challenge, enforce_registration
from coordinator.registration import REFUSED, Registration, RegistrationRequest, register_node
from coordinator.renewal import renew_node_session
from coordinator.requests import cause_of, origin_of, request_id_of
from coordinator.serializers import (
    COLLECTED,
    ChallengeRequest,
    ChallengeResponse,
    CollectRequest,
    RegisterRequest,
    RegisterResponse,
    SessionRequest,
    SessionResponse,
    UndecidedResponse,
    WaitingResponse,
    reported_facts,
)
from coordinator.views.base import AgentView, read
from mesh.errors import AuthenticationError, FieldError, ValidationError
from mesh.keys import NONCE_BYTES, Purpose, decode_public_key
from mesh.names import fqdn
from mesh.netmap.parts import host_prefixes
from mesh.tokens import RANDOM_BYTES
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import RANDOM_BYTES as CODE_BYTES
from sessions_app.services.sessions import log_out

PROOF_PARAMETER = OpenApiParameter(
    "GhostWire-Proof", str, OpenApiParameter.HEADER, required=True, description="CHALLENGE_ID:MAC"
)


class ChallengeView(AgentView):
    needs_session = False
    problems = {"POST": (429,)}

    @extend_schema(request=ChallengeRequest, responses={201: ChallengeResponse}, operation_id="create_challenge")
    def post(self, request: Request) -> Response:
        """Asks for something to prove a key against; good once, for 60 seconds."""
        enforce_challenge(origin_of(request), self.now.timestamp())
        data = read(ChallengeRequest, request)
        challenge = issue_challenge(public_key=data["public_key"], now=self.now, nonce=secrets.token_bytes(NONCE_BYTES))
        return Response(ChallengeResponse(challenge).data, status=201)


class RegisterView(AgentView):
    needs_session = False
    problems = {"POST": (401, 403, 429, 507)}

    @extend_schema(
        request=RegisterRequest,
        responses={
            201: RegisterResponse,
            200: OpenApiResponse(RegisterResponse, "The key was known already."),
            202: OpenApiResponse(WaitingResponse, "The machine waits until a person approves it."),
        },
        parameters=[PROOF_PARAMETER],
        operation_id="register_node",
    )
    def post(self, request: Request) -> Response:
        """Lets a machine in with an auth key, or back in; without one, or where each node is approved, it waits."""
        body = request._request.body
        data = read(RegisterRequest, request)
        auth_key = data.get("auth_key")
        enforce_registration(origin_of(request), auth_key, self.now.timestamp())
        proof = _proof(request, Purpose.REGISTER, data["public_key"], body, self.now)
        asked = RegistrationRequest(
            proof=proof,
            auth_key_secret=auth_key or "",
            reported=reported_facts(data),
            tags=data.get("tags", ()),
            origin=origin_of(request),
            request_id=request_id_of(request),
            now=self.now,
            random32=secrets.token_bytes(RANDOM_BYTES),
            random16=secrets.token_bytes(CODE_BYTES),
        )
        if auth_key is None:
            outcome: Registration | Enrolment = request_enrolment(request=asked, network_name=data.get("network"))
        else:
            if "network" in data:
                message = "The auth key decides the network."
                raise ValidationError(message, errors=(FieldError("network", message),))
            outcome = register_node(request=asked)
        if isinstance(outcome, Enrolment):
            return Response(_waiting(outcome), status=202)
        return Response(_registered(outcome), status=201 if outcome.created else 200)


class EnrolmentView(AgentView):
    needs_session = False
    problems = {"POST": (401, 403, 404, 429)}

    @extend_schema(
        request=CollectRequest,
        responses={200: COLLECTED},
        parameters=[PROOF_PARAMETER],
        operation_id="collect_enrolment",
    )
    def post(self, request: Request, code: str) -> Response:
        """What became of a waiting machine: ``pending``, ``rejected``, or its registration. Until the code expires."""
        body = request._request.body
        data = read(CollectRequest, request)
        enforce_registration(origin_of(request), None, self.now.timestamp())
        proof = _proof(request, Purpose.ENROL, data["public_key"], body, self.now)
        outcome = collect_enrolment(
            collection=Collection(
                proof=proof,
                code=code,
                origin=origin_of(request),
                request_id=request_id_of(request),
                now=self.now,
                random32=secrets.token_bytes(RANDOM_BYTES),
            )
        )
        if isinstance(outcome, Enrolment):
            return Response(UndecidedResponse({"state": outcome.state}).data)
        return Response(_registered(outcome))


class SessionView(AgentView):
    problems = {"POST": (401, 403, 429)}

    def get_authenticators(self) -> list[Any]:
        # POST proves the key instead: it is the way back for those whose session is gone.
        # There is no request yet while the API is being described.
        is_delete = self.request is not None and self.request.method == "DELETE"
        return super().get_authenticators() if is_delete else []

    @extend_schema(
        request=SessionRequest,
        responses={201: SessionResponse},
        parameters=[PROOF_PARAMETER],
        operation_id="create_session",
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """A token for a node that is known: the way back after an absence, and the renewal."""
        body = request._request.body
        data = read(SessionRequest, request)
        enforce_registration(origin_of(request), None, self.now.timestamp())
        proof = _proof(request, Purpose.SESSION, data["public_key"], body, self.now)
        issued = renew_node_session(
            proof=proof,
            origin=origin_of(request),
            request_id=request_id_of(request),
            now=self.now,
            random32=secrets.token_bytes(RANDOM_BYTES),
        )
        answer = {"session": {"token": issued.token, "expires_at": issued.session.expires_at}}
        return Response(SessionResponse(answer).data, status=201)

    @extend_schema(request=None, responses={204: None}, operation_id="delete_session")
    def delete(self, request: Request) -> Response:
        """Logs out: the node must register again."""
        session = self.session_of(request)
        log_out(session_id=session.pk, cause=cause_of(request, node_id=session.node_id), now=self.now)
        return Response(status=204)


def _proof(request: Request, purpose: Purpose, public_key: str, body: bytes, now: Any) -> Proof:
    decode_public_key(public_key)
    try:
        return check_proof(
            header=request.META.get("HTTP_GHOSTWIRE_PROOF", ""),
            purpose=purpose,
            public_key=public_key,
            body=body,
            now=now,
        )
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error


def _waiting(enrolment: Enrolment) -> dict[str, Any]:
    portal = str(settings.GHOSTWIRE.public_urls[0]).rstrip("/")
    answer = {
        "code": enrolment.shown_code,
        "verification_url": f"{portal}/enrol/{enrolment.shown_code}",
        "expires_at": enrolment.expires_at,
    }
    return dict(WaitingResponse({"enrolment": answer}).data)


def _registered(registration: Registration) -> dict[str, Any]:
    node, network, session = registration.node, registration.network, registration.session
    addresses = [row.address for row in node.addresses.order_by("family")]
    answer = {
        "node": {
            "id": node.pk,
            "name": node.name,
            "fqdn": fqdn(node.name, network.domain),
            "addresses": host_prefixes(addresses),
            "tags": [row.tag for row in node.tags.all()],
            "user": node.owner_id,
            "key_expires_at": node.key_expires_at,
        },
        "session": {"token": session.token, "expires_at": session.session.expires_at},
        "network": {
            "name": network.name,
            "domain": network.domain,
            "heartbeat_seconds": network.keepalive_seconds,
            "lease_seconds": network.lease_seconds,
            "epoch": network.epoch,
        },
        "map_version": registration.map_version,
    }
    return dict(RegisterResponse(answer).data)
