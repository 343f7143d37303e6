from __future__ import annotations

import secrets

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.auth_keys import (
    AuthKeyCreated,
    AuthKeyNew,
    AuthKeyOut,
    AuthKeyQuery,
    describe_auth_key,
    filter_auth_keys,
)
from mesh.tokens import RANDOM_BYTES
from sessions_app.models import AuthKey
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key


class AuthKeyView(AdminView):
    """Of auth keys."""

    noun = "auth-keys"
    knows = "keys.view"

    def auth_keys(self) -> QuerySet[AuthKey]:
        """The keys of the network, without their digests."""
        rows = AuthKey.objects.filter(network=self.network)
        return rows.select_related("owner", "network").defer("digest", "pepper")

    def answer(self, pk: int) -> Response:
        """A key as it now is."""
        return Response(AuthKeyOut(describe_auth_key(row_or_404(self.auth_keys(), pk, "auth key"), self.now)).data)


class AuthKeyList(AuthKeyView):
    rights = {"GET": "keys.view", "POST": "keys.manage"}
    queries = {"GET": AuthKeyQuery}

    @extend_schema(responses=page_serializer(AuthKeyOut), operation_id="admin_list_auth_keys")
    def get(self, request: Request) -> Response:
        """Lists auth keys, the latest first."""
        page = page_of(filter_auth_keys(self.auth_keys(), self.query, self.now), self.query, descending=True)
        return self.answer_page(AuthKeyOut, page, [describe_auth_key(row, self.now) for row in page.rows])

    @extend_schema(request=AuthKeyNew, responses={201: AuthKeyCreated}, operation_id="admin_create_auth_key")
    def post(self, request: Request) -> Response:
        """Makes an auth key and answers it, once."""
        fields = self.read(AuthKeyNew)
        owner_id = fields.pop("user", None)
        if owner_id is None and not fields.get("tags"):
            owner_id = self.user.pk
        created = create_auth_key(
            network_id=self.network.pk,
            owner_id=owner_id,
            created_by_id=self.user.pk,
            now=self.now,
            random32=secrets.token_bytes(RANDOM_BYTES),
            cause=self.cause,
            **fields,
        )
        row = row_or_404(self.auth_keys(), created.auth_key.pk, "auth key")
        answer = describe_auth_key(row, self.now) | {"key": created.secret}
        return Response(AuthKeyCreated(answer).data, status=201)


class AuthKeyDetail(AuthKeyView):
    rights = {"GET": "keys.view"}

    @extend_schema(responses=AuthKeyOut, operation_id="admin_get_auth_key")
    def get(self, request: Request, pk: int) -> Response:
        """One auth key, without the key itself."""
        return self.answer(pk)


class AuthKeyRevoke(AuthKeyView):
    rights = {"POST": "keys.manage"}

    @extend_schema(request=None, responses=AuthKeyOut, operation_id="admin_revoke_auth_key")
    def post(self, request: Request, pk: int) -> Response:
        """Ends a key. Machines that it let in stay."""
        self.read_nothing()
        key = row_or_404(self.auth_keys(), pk, "auth key")
        revoke_auth_key(auth_key_id=key.pk, cause=self.cause, now=self.now)
        return self.answer(pk)
