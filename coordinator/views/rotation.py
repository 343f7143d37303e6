"""A node's new key."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.limits import KEY_CHANGES, enforce
from coordinator.requests import cause_of
from coordinator.rotation import check_rotation_proof, rotate_key
from coordinator.serializers import RotateRequest, RotateResponse
from coordinator.views.base import AgentView, read
from coordinator.views.enrolment import PROOF_PARAMETER
from mesh.keys import decode_public_key


class RotateKeyView(AgentView):
    problems = {"POST": (409, 429)}

    @extend_schema(
        request=RotateRequest, responses=RotateResponse, parameters=[PROOF_PARAMETER], operation_id="rotate_key"
    )
    def post(self, request: Request) -> Response:
        """Replaces the node's key: proved with the new one and the present one. Id, name and addresses stay."""
        body = request._request.body
        data = read(RotateRequest, request)
        decode_public_key(data["public_key"])
        node = self.node_of(request)
        enforce(KEY_CHANGES, str(node.pk), self.now.timestamp())
        header = request.META.get("HTTP_GHOSTWIRE_PROOF", "")
        proof = check_rotation_proof(node=node, header=header, public_key=data["public_key"], body=body, now=self.now)
        rotation = rotate_key(node=node, proof=proof, cause=cause_of(request, node_id=node.pk), now=self.now)
        return Response(RotateResponse(rotation).data)
